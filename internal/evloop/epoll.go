//go:build linux && !portable

package evloop

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// poller is an epoll instance, level-triggered, with the sockets, the listener and an eventfd in it. The loop's goroutine waits for it
// in the runtime's own poller, which watches it as a descriptor. So the goroutine is scheduled like every other and blocks no thread;
// a blocked thread would cost a hand-over between threads for each wake.
//
//	sockets ──► epoll ──► the runtime's poller
//
// The runtime's poller reports an edge: it tells of events that come after the loop has gone to wait. So the loop does not wait before
// epoll has said that there is nothing left.
type poller struct {
	sockets, waker *os.File // when closed, or closed again, they only return errors
	wakeable       syscall.RawConn
	epfd, wakefd   int
}

// maxEvents is how many events are asked for at a time.
const maxEvents = 256

var one = [8]byte{1} // what is written to an eventfd

// init makes the epoll instances and watches the listener.
func (l *Loop) init() error {
	if err := l.create(); err != nil {
		return fmt.Errorf("create epoll: %w", err)
	}
	if err := errors.Join(l.control(unix.EPOLL_CTL_ADD, l.wakefd, unix.EPOLLIN), l.watch(l.listener)); err != nil {
		return fmt.Errorf("watch listener: %w", err)
	}
	return nil
}

func (p *poller) create() (err error) {
	if p.epfd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	_ = unix.SetNonblock(p.epfd, true) // so that os.NewFile registers it with the runtime's poller
	p.sockets = os.NewFile(uintptr(p.epfd), "epoll")
	// The eventfd is in blocking mode so that os.NewFile does not register it with the runtime's poller. Writing to it never blocks, and it
	// is read only after epoll has reported it.
	if p.wakefd, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return err
	}
	p.waker = os.NewFile(uintptr(p.wakefd), "eventfd")
	p.wakeable, err = p.waker.SyscallConn()
	return err
}

// close gives the loop's own descriptors back; the sockets are closed before.
func (l *Loop) close() {
	_ = unix.Close(l.listener)
	if l.spare >= 0 {
		_ = unix.Close(l.spare)
	}
	if l.sockets != nil {
		l.sockets.Close()
	}
	if l.waker != nil {
		l.waker.Close()
	}
}

func (p *poller) control(op, fd int, events uint32) error {
	return unix.EpollCtl(p.epfd, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

// watch has the loop told when there is something to read, or to accept.
func (p *poller) watch(fd int) error { return p.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN) }

// unwatch closes a socket, which also takes it out of the epoll instance.
func (p *poller) unwatch(fd int) { _ = unix.Close(fd) }

// watchWritable has the loop told when a socket has room, too.
func (p *poller) watchWritable(fd int) { p.modify(fd, unix.EPOLLIN|unix.EPOLLOUT) }

func (p *poller) unwatchWritable(fd int) { p.modify(fd, unix.EPOLLIN) }

func (p *poller) modify(fd int, events uint32) {
	// This can fail only for want of memory, as the socket is watched already. Then the socket is of no use.
	if p.control(unix.EPOLL_CTL_MOD, fd, events) != nil {
		_ = unix.Shutdown(fd, unix.SHUT_RDWR)
	}
}

// pause stops accepting until the loop is next woken. Clients wait in the kernel's queue, and would be reported again and again.
func (l *Loop) pause() { l.paused = l.control(unix.EPOLL_CTL_DEL, l.listener, 0) == nil }

func (l *Loop) resume() { l.paused = l.watch(l.listener) != nil }

// wake may be called by any goroutine, at any time.
func (p *poller) wake() { _ = p.wakeable.Control(ring) }

func ring(fd uintptr) { _, _ = writeRaw(int(fd), one[:]) }

// run serves the sockets until the loop is to end, and closes them then.
func (l *Loop) run() error {
	defer l.close()
	defer l.loseAll()
	raw, err := l.sockets.SyscallConn()
	if err != nil {
		return err
	}
	// It is one Read from the first event to the last: each new one would forget an edge that has been reported meanwhile.
	events := make([]unix.EpollEvent, maxEvents)
	var failed error
	if err := raw.Read(func(uintptr) (done bool) {
		done, failed = l.serve(events)
		return done
	}); err != nil {
		return err
	}
	return failed
}

// serve serves what there is, and what comes meanwhile. done: the loop is to end, or cannot go on.
func (l *Loop) serve(events []unix.EpollEvent) (done bool, err error) {
	for !l.ending {
		n, err := epollWait(l.epfd, events)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return true, fmt.Errorf("wait for events: %w", err)
		case n == 0:
			return false, nil
		}
		for _, e := range events[:n] {
			l.event(int(e.Fd), e.Events)
		}
	}
	return true, nil
}

// event serves one descriptor. Since the event was reported, its connection may have been closed by an event before it, and the
// descriptor may belong to another one by now, which finds nothing to read.
func (l *Loop) event(fd int, events uint32) {
	switch {
	case fd == l.wakefd:
		var count [8]byte
		_, _ = read(fd, count[:])
		l.woken()
	case fd == l.listener:
		l.accept()
	case fd < len(l.conns) && l.conns[fd] != nil:
		c := l.conns[fd]
		if events&unix.EPOLLOUT != 0 {
			c.Writable()
		}
		if events&^unix.EPOLLOUT != 0 && l.conns[fd] == c {
			l.read(fd)
		}
	}
}
