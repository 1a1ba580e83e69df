//go:build linux

package swarm

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Dial opens a connection to a loopback address from another; request is what Request returned. An error is one of
// this machine (no descriptors, …); whatever comes later is told to the handler.
func (l *Loop) Dial(to netip.AddrPort, from netip.Addr, request []byte, h Handler, tag int) (*Conn, error) {
	if err := CheckLoopback(to); err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	if err := prepare(fd, from); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	c := l.add(fd, request, h, tag)
	err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		c.release()
		return nil, fmt.Errorf("connect to %s from %s: %w", to, from, err)
	}
	c.armed = true
	c.watch(unix.EPOLL_CTL_ADD)
	return c, nil
}

// Connect opens a connection outside of any loop and waits for it, which takes no time on loopback; reads and writes on
// the descriptor do not block.
func Connect(to netip.AddrPort, from netip.Addr) (fd int, err error) {
	if err := CheckLoopback(to); err != nil {
		return 0, err
	}
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open socket: %w", err)
	}
	if err = prepare(fd, from); err == nil {
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		_ = unix.Close(fd)
		return 0, fmt.Errorf("connect to %s from %s: %w", to, from, err)
	}
	return fd, nil
}

// prepare binds a socket to an address but leaves the port to connect, which knows more of them to be free.
func prepare(fd int, from netip.Addr) error {
	for _, o := range [...][3]int{
		{unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1},
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
	} {
		if err := unix.SetsockoptInt(fd, o[0], o[1], o[2]); err != nil {
			return fmt.Errorf("set socket option: %w", err)
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: from.As4()}); err != nil {
		return fmt.Errorf("bind to %s: %w", from, err)
	}
	return nil
}

func (l *Loop) add(fd int, request []byte, h Handler, tag int) *Conn {
	for fd >= len(l.conns) {
		l.conns = append(l.conns, nil)
	}
	l.age++
	c := &Conn{Tag: tag, loop: l, handler: h, fd: fd, age: l.age, request: request}
	l.conns[fd] = c
	l.open++
	return c
}

// connected takes the outcome of connect and asks for the upgrade.
func (c *Conn) connected() {
	code, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	if err != nil {
		c.fail(fmt.Errorf("connect: %w", err))
		return
	}
	n, err := unix.Write(c.fd, c.request)
	if err == nil && n < len(c.request) {
		err = errors.New("socket is too small for a request")
	}
	if err != nil {
		c.fail(fmt.Errorf("ask for the upgrade: %w", err))
		return
	}
	c.loop.seen.BytesOut += uint64(n)
	c.state, c.request = upgrading, nil
	c.arm(false)
}
