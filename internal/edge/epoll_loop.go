//go:build linux && !gnet

package edge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// poller is an epoll instance, level-triggered, with a listener and an eventfd in it. The goroutine that runs it waits for it
// in the runtime's own poller, which watches it as a descriptor: so it is scheduled as every other goroutine, and
// no thread is blocked. One that would be costs a hand-over between threads for each wake.
//
// Between the two is a gate, an epoll instance that reports the sockets' once and then not again until it is opened (EPOLLONESHOT):
//
//	sockets ──► epoll ──► gate ──► the runtime's poller
//
// Without it every event would wake the process, even one that finds the loop resting, or on its way.
type poller struct {
	// static
	gate, waker          *os.File // closed twice or late, they only return errors
	wakeable             syscall.RawConn
	epfd, gatefd, wakefd int
	listener             int

	// owned by the loop
	conns  []*conn // by descriptor
	buf    []byte
	paused bool // the listener is not in the instance: there is no room for what it has
	kept   int  // a descriptor for when there is no other, -1: in use
}

const (
	maxEvents  = 256
	maxAccepts = 64 // in one event, so that those who are connected get their turn
)

var one = [8]byte{1}

// newPoller listens on addr beside the others.
func newPoller(addr *net.TCPAddr) (p poller, err error) {
	if p.listener, err = listen(addr); err != nil {
		return p, err
	}
	if err := p.create(); err != nil {
		p.close()
		return p, fmt.Errorf("create epoll: %w", err)
	}
	if err := errors.Join(p.open(unix.EPOLL_CTL_ADD), p.watch(unix.EPOLL_CTL_ADD, p.wakefd, unix.EPOLLIN),
		p.watch(unix.EPOLL_CTL_ADD, p.listener, unix.EPOLLIN)); err != nil {
		p.close()
		return p, fmt.Errorf("watch listener: %w", err)
	}
	p.buf = make([]byte, readBuffer)
	p.reserve()
	return p, nil
}

func (p *poller) create() (err error) {
	if p.epfd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if p.gatefd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	_ = unix.SetNonblock(p.gatefd, true) // then os.File waits for it in the runtime's poller
	p.gate = os.NewFile(uintptr(p.gatefd), "epoll")
	// It blocks, so that the runtime's poller leaves it alone: writing to it never does, and it is read when there is something.
	if p.wakefd, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return err
	}
	p.waker = os.NewFile(uintptr(p.wakefd), "eventfd")
	p.wakeable, err = p.waker.SyscallConn()
	return err
}

// open lets the gate report what there is, or the next event.
func (p *poller) open(op int) error {
	return unix.EpollCtl(p.gatefd, op, p.epfd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT})
}

// listen returns a descriptor. Accepted sockets inherit all of its options.
func listen(addr *net.TCPAddr) (int, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		outer := raw.Control(func(fd uintptr) {
			for _, o := range [...][3]int{
				{unix.SOL_SOCKET, unix.SO_REUSEPORT, 1},
				{unix.SOL_SOCKET, unix.SO_SNDBUF, kernelBuffer},
				{unix.SOL_SOCKET, unix.SO_RCVBUF, kernelBuffer},
				{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
			} {
				err = errors.Join(err, unix.SetsockoptInt(int(fd), o[0], o[1], o[2]))
			}
			setUserTimeout(int(fd))
		})
		return errors.Join(outer, err)
	}}
	l, err := config.Listen(context.Background(), "tcp", addr.String())
	if err != nil {
		return 0, err
	}
	defer l.Close()
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		return 0, err
	}
	var copied int
	outer := raw.Control(func(fd uintptr) {
		copied, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) // it does not block, as the one it is copied from
	})
	return copied, errors.Join(outer, err)
}

func (p *poller) watch(op, fd int, events uint32) error {
	return unix.EpollCtl(p.epfd, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

// close gives the descriptors back. The sockets are closed before.
func (p *poller) close() {
	_ = unix.Close(p.listener)
	if p.kept > 0 {
		_ = unix.Close(p.kept)
	}
	if p.epfd != 0 {
		_ = unix.Close(p.epfd)
	}
	if p.gate != nil {
		p.gate.Close()
	}
	if p.waker != nil {
		p.waker.Close()
	}
}

// wake may be called by any goroutine, at any time.
func (l *loop) wake() { _ = l.wakeable.Control(ring) }

func ring(fd uintptr) { _, _ = writeOnce(int(fd), one[:]) }

// run serves the sockets until the loop is to end, and closes them then.
func (l *loop) run() error {
	defer l.close()
	defer l.closeSockets()
	gate, err := l.gate.SyscallConn()
	if err != nil {
		return err
	}
	events := make([]unix.EpollEvent, maxEvents)
	opened := func(fd uintptr) bool {
		n, err := poll(int(fd), events[:1])
		return n != 0 || err != nil
	}
	for m := newModeration(); !l.ending; {
		if err := gate.Read(opened); err != nil {
			return err
		}
		if d := m.pause(time.Now()); d > 0 {
			time.Sleep(d)
		}
		looked, served := time.Now(), l.served
		n, err := poll(l.epfd, events)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("wait for events: %w", err)
		}
		for _, e := range events[:n] {
			l.event(int(e.Fd), e.Events)
		}
		m.saw(int(l.served-served), looked)
		if err := l.open(unix.EPOLL_CTL_MOD); err != nil {
			return fmt.Errorf("open the gate: %w", err)
		}
	}
	return nil
}

func (l *loop) closeSockets() {
	for _, c := range l.conns {
		if c != nil {
			l.closeSocket(c)
		}
	}
}

// event serves one descriptor. Since the event was reported, its connection may have been closed by what came before it, and the
// descriptor may be that of another one by now, which finds nothing to read.
func (l *loop) event(fd int, events uint32) {
	switch {
	case fd == l.wakefd:
		var count [8]byte
		_, _ = read(fd, count[:])
		l.woken()
		if l.kept < 0 {
			l.reserve()
		}
		if l.paused {
			l.resume()
		}
	case fd == l.listener:
		l.accept()
	case fd < len(l.conns) && l.conns[fd] != nil:
		c := l.conns[fd]
		if events&unix.EPOLLOUT != 0 {
			c.flush()
		}
		if events&^unix.EPOLLOUT != 0 && l.conns[fd] == c {
			c.read()
		}
	}
}
