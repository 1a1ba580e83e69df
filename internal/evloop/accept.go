package evloop

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// maxAccepts bounds how many sockets are accepted in one event, so that those that are connected get their turn.
const maxAccepts = 64

// accept accepts what waits. accept(2) needs a free descriptor before it looks for a connection, so a loop keeps a spare one: with
// that closed a client can be accepted, told to come back later, and closed.
func (l *Loop) accept() {
	for range maxAccepts {
		fd, peer, err := accept(l.listener)
		switch err {
		case nil:
			if !l.begin(fd, peer) {
				l.pause()
				return
			}
			if l.spare < 0 {
				return // accept would fail now whether or not a client waits; if one does, there is another event
			}
		case unix.EAGAIN:
			return
		case unix.EMFILE, unix.ENFILE:
			if !l.findDescriptor(err) {
				l.pause()
				return
			}
		case unix.ENOBUFS, unix.ENOMEM:
			l.log.Error("no room to accept a connection", "err", err.Error())
			l.pause()
			return
		default: // the client was gone before it was accepted (accept(2), "Error handling")
		}
	}
}

// begin hands a new socket to the handler, and reports whether there is room for another one.
func (l *Loop) begin(fd int, peer netip.Addr) bool {
	if l.watch(fd) != nil {
		_ = unix.Close(fd)
		return true
	}
	if fd >= len(l.conns) {
		l.conns = append(l.conns, make([]Conn, fd+1-len(l.conns))...)
	}
	c, full := l.handler.Accepted(socketOf(fd), peer)
	l.conns[fd] = c
	return !full
}

// findDescriptor frees a descriptor where there is none left. It reports false if it cannot.
func (l *Loop) findDescriptor(err error) bool {
	if l.spare < 0 {
		return l.handler.FreeDescriptor()
	}
	l.log.Error("no room to accept a connection, refusing upgrades", "err", err.Error())
	l.short.Add(1)
	_ = unix.Close(l.spare)
	l.spare = -1
	return true
}

// Short reports whether the process has run out of descriptors: a loop of the group uses its spare one. Any loop, since one that closes a
// socket to get its spare descriptor back may find that another loop's client has got it.
func (l *Loop) Short() bool { return l.short.Load() > 0 }

// reserve takes a spare descriptor if there is one.
func (l *Loop) reserve() {
	fd, err := unix.FcntlInt(uintptr(l.listener), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return
	}
	l.spare = fd
	l.short.Add(-1)
}
