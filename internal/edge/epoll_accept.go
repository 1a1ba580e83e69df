//go:build linux && !gnet

package edge

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

func (l *loop) accept() {
	for range maxAccepts {
		var from unix.RawSockaddrAny
		size := uint32(unsafe.Sizeof(from))
		fd, _, errno := unix.Syscall6(unix.SYS_ACCEPT4, uintptr(l.listener), uintptr(unsafe.Pointer(&from)), uintptr(unsafe.Pointer(&size)),
			unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		switch errno {
		case 0:
			if !l.take(int(fd), addrOf(&from)) {
				l.pause()
				return
			}
			if l.short() {
				return // without a descriptor accept fails, whether or not another one waits: the next event tells
			}
		case unix.EAGAIN:
			return
		case unix.EMFILE, unix.ENFILE:
			if !l.scrape(errno) {
				l.pause()
				return
			}
		case unix.ENOBUFS, unix.ENOMEM:
			l.srv.log.Error("no room to accept a connection", "err", errno.Error())
			l.pause()
			return
		default: // one that was gone before it was accepted (accept(2), "Error handling")
		}
	}
}

// take begins a connection, and reports whether there is room for another one.
func (l *loop) take(fd int, peer netip.Addr) bool {
	if l.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN) != nil {
		_ = unix.Close(fd)
		return true
	}
	if fd >= len(l.conns) {
		l.conns = append(l.conns, make([]*conn, fd+1-len(l.conns))...)
	}
	c, full := l.accepted(socket{fd: int32(fd)}, peer)
	l.conns[fd] = c
	if !full {
		return true
	}
	for _, other := range *l.srv.loops.Load() {
		if other != l {
			other.post(taskRoom)
		}
	}
	return false
}

// scrape finds a descriptor where there is none left, so that a newcomer can be told to come back later; upgrades are refused
// meanwhile. It reports false if there is nothing that could give way.
func (l *loop) scrape(errno unix.Errno) bool {
	if l.kept >= 0 {
		l.srv.log.Error("no room to accept a connection, refusing upgrades", "err", errno.Error())
		_ = unix.Close(l.kept)
		l.kept = -1
		return true
	}
	w := l.crowd.next(netip.Addr{})
	if w == nil {
		return false
	}
	l.giveWay(w)
	return true
}

// short is whether this loop is out of descriptors.
func (l *loop) short() bool { return l.kept < 0 }

// reserve keeps a descriptor for bad times.
func (p *poller) reserve() {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		fd = -1
	}
	p.kept = fd
}

// pause accepts nothing until a tick later. The connections stay where they are, and would be reported again and again.
func (l *loop) pause() { l.paused = l.watch(unix.EPOLL_CTL_DEL, l.listener, 0) == nil }

// resume accepts again after a tick.
func (l *loop) resume() {
	l.paused = l.watch(unix.EPOLL_CTL_ADD, l.listener, unix.EPOLLIN) != nil
}

// look reads what has come of a head.
func (l *loop) look(c *conn) { c.read() }

// addrOf returns the address of a socket's other end.
func addrOf(from *unix.RawSockaddrAny) netip.Addr {
	switch from.Addr.Family {
	case unix.AF_INET:
		return netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(from)).Addr)
	case unix.AF_INET6:
		return netip.AddrFrom16((*unix.RawSockaddrInet6)(unsafe.Pointer(from)).Addr).Unmap()
	}
	return netip.Addr{}
}
