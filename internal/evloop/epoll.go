//go:build linux && !portable

package evloop

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// poller is an epoll instance, level-triggered, with the sockets, the listener and an eventfd in it. The loop's goroutine waits for it
// in the runtime's own poller, which watches it as a descriptor. So the goroutine is scheduled like every other and blocks no thread;
// a blocked thread would cost a hand-over between threads for each wake.
//
// Between the two is a gate, an epoll instance that reports the sockets' once and then not again until it is opened (EPOLLONESHOT):
//
//	sockets ──► epoll ──► gate ──► the runtime's poller
//
// Without it every event would wake the process, even while the loop is resting or on its way.
type poller struct {
	gate, waker          *os.File // when closed, or closed again, they only return errors
	wakeable             syscall.RawConn
	epfd, gatefd, wakefd int
}

// maxEvents is how many events are asked for at a time.
const maxEvents = 256

var one = [8]byte{1} // what is written to an eventfd

// init makes the epoll instances and watches the listener.
func (l *Loop) init() error {
	if err := l.create(); err != nil {
		return fmt.Errorf("create epoll: %w", err)
	}
	if err := errors.Join(l.openGate(unix.EPOLL_CTL_ADD), l.control(unix.EPOLL_CTL_ADD, l.wakefd, unix.EPOLLIN), l.watch(l.listener)); err != nil {
		return fmt.Errorf("watch listener: %w", err)
	}
	return nil
}

func (p *poller) create() (err error) {
	if p.epfd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if p.gatefd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	_ = unix.SetNonblock(p.gatefd, true) // so that os.NewFile registers it with the runtime's poller
	p.gate = os.NewFile(uintptr(p.gatefd), "epoll")
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
	if l.epfd != 0 {
		_ = unix.Close(l.epfd)
	}
	if l.gate != nil {
		l.gate.Close()
	}
	if l.waker != nil {
		l.waker.Close()
	}
}

// openGate lets the gate report what there is, or the next event.
func (p *poller) openGate(op int) error {
	return unix.EpollCtl(p.gatefd, op, p.epfd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT})
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
	gate, err := l.gate.SyscallConn()
	if err != nil {
		return err
	}
	events := make([]unix.EpollEvent, maxEvents)
	opened := func(fd uintptr) bool {
		n, err := epollWait(int(fd), events[:1])
		return n != 0 || err != nil
	}
	for m := newModeration(); !l.ending; {
		if err := gate.Read(opened); err != nil {
			return err
		}
		if d := m.rest(time.Now()); d > 0 {
			time.Sleep(d)
		}
		looked, served := time.Now(), l.served
		n, err := epollWait(l.epfd, events)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("wait for events: %w", err)
		}
		for _, e := range events[:n] {
			l.event(int(e.Fd), e.Events)
		}
		m.saw(int(l.served-served), looked)
		if err := l.openGate(unix.EPOLL_CTL_MOD); err != nil {
			return fmt.Errorf("open the gate: %w", err)
		}
	}
	return nil
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
