//go:build unix && (!linux || portable)

package evloop

import (
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// poller stands in for epoll where there is none: a goroutine per socket waits in the runtime's poller until there is something to
// read, and then acts as the loop. Whichever goroutine holds mu is the loop; all that a Loop owns is guarded by it.
type poller struct {
	wakes chan struct{}
	waits sync.WaitGroup // the goroutines

	mu      sync.Mutex
	watched map[int]*watched // by descriptor
}

// watched is a descriptor that is waited for.
type watched struct {
	file     *os.File
	raw      syscall.RawConn
	writable bool // to be told when it has room
	writer   bool // a goroutine waits for that
}

// init makes a poller; the listener is watched once the loop runs.
func (l *Loop) init() error {
	l.wakes, l.watched = make(chan struct{}, 1), map[int]*watched{}
	return nil
}

// close gives the loop's own descriptors back, and waits for its goroutines.
func (l *Loop) close() {
	l.mu.Lock()
	if l.watched[l.listener] != nil {
		l.unwatch(l.listener)
	} else {
		_ = unix.Close(l.listener)
	}
	if l.spare >= 0 {
		_ = unix.Close(l.spare)
	}
	l.mu.Unlock()
	l.waits.Wait()
}

// wake may be called by any goroutine, at any time.
func (p *poller) wake() {
	select {
	case p.wakes <- struct{}{}:
	default:
	}
}

// run serves the sockets until the loop is to end, and closes them then.
func (l *Loop) run() error {
	defer l.close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.watch(l.listener); err != nil {
		return err
	}
	for !l.ending {
		l.mu.Unlock()
		<-l.wakes
		l.mu.Lock()
		l.woken()
	}
	l.loseAll()
	return nil
}

// watch has the loop told when there is something to read, or to accept.
func (l *Loop) watch(fd int) error {
	file := os.NewFile(uintptr(fd), "socket") // registers it with the runtime's poller, as it does not block
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	w := &watched{file: file, raw: raw}
	l.watched[fd] = w
	l.waits.Go(func() { l.waitReadable(fd, w) })
	return nil
}

// unwatch closes a descriptor, which ends the goroutines that wait for it.
func (p *poller) unwatch(fd int) {
	p.watched[fd].file.Close()
	delete(p.watched, fd)
}

// waitReadable is a goroutine: it reads or accepts whenever there is something, until the descriptor is closed. The loop may have
// closed it meanwhile, and another socket may have the descriptor by now.
func (l *Loop) waitReadable(fd int, w *watched) {
	for readable := ready(unix.POLLIN); w.raw.Read(readable) == nil; {
		l.mu.Lock()
		switch current := l.watched[fd] == w; {
		case current && fd == l.listener && !l.ending:
			l.accept()
		case current && fd != l.listener:
			l.read(fd)
		}
		done := fd == l.listener && (l.paused || l.ending)
		l.mu.Unlock()
		if done {
			return
		}
	}
}

// watchWritable has the loop told when a socket has room, too.
func (l *Loop) watchWritable(fd int) {
	w := l.watched[fd]
	w.writable = true
	if !w.writer {
		w.writer = true
		l.waits.Go(func() { l.waitWritable(fd, w) })
	}
}

func (p *poller) unwatchWritable(fd int) { p.watched[fd].writable = false }

// waitWritable is a goroutine: it writes whenever there is room, until nothing is left or the socket is closed.
func (l *Loop) waitWritable(fd int, w *watched) {
	for writable := ready(unix.POLLOUT); w.raw.Write(writable) == nil; {
		l.mu.Lock()
		if l.watched[fd] == w && w.writable {
			l.conns[fd].Writable()
		}
		more := l.watched[fd] == w && w.writable
		w.writer = more
		l.mu.Unlock()
		if !more {
			return
		}
	}
}

// ready returns a function for syscall.RawConn, which goes on waiting until it returns true. An error is reported as an event: the system
// call that follows will see it.
func ready(events int16) func(fd uintptr) bool {
	fds := make([]unix.PollFd, 1)
	return func(fd uintptr) bool {
		fds[0] = unix.PollFd{Fd: int32(fd), Events: events}
		n, err := unix.Poll(fds, 0)
		return n != 0 || err != nil
	}
}

// pause stops accepting until the loop is next woken.
func (l *Loop) pause() { l.paused = true }

func (l *Loop) resume() {
	l.paused = false
	w := l.watched[l.listener]
	l.waits.Go(func() { l.waitReadable(l.listener, w) })
}
