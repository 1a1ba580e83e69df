package evloop

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Socket is a descriptor of a loop, and what the kernel has not taken of what was written to it. The zero Socket has no descriptor.
type Socket struct {
	number int32   // the descriptor plus one
	kept   *unsent // nil unless the client reads more slowly than it is written to
}

func socketOf(fd int) Socket { return Socket{number: int32(fd) + 1} }

// Descriptor returns the descriptor, -1 if there is none.
func (s *Socket) Descriptor() int { return int(s.number) - 1 }

// Unsent returns how many bytes wait for the kernel.
func (s *Socket) Unsent() int {
	if s.kept == nil {
		return 0
	}
	return len(s.kept.bytes) - s.kept.from
}

// TryWrite gives b to the kernel, and returns how many bytes it took; it neither waits nor keeps the rest. Unlike everything else of a
// socket it may be called by any goroutine, provided that nothing is unsent and that the socket is not closed meanwhile.
func (s *Socket) TryWrite(b []byte) (int, error) { return writeRaw(s.Descriptor(), b) }

// CloseWrite ends the write side: the client reads an end of file. It fails silently if the client was faster.
func (s *Socket) CloseWrite() { _ = unix.Shutdown(s.Descriptor(), unix.SHUT_WR) }

// AtEnd reports whether nothing can come from the client any more: it has closed or reset the connection, and all that it sent before
// has been read.
func (s *Socket) AtEnd() bool {
	var b [1]byte
	n, err := peek(s.Descriptor(), b[:])
	if err != nil {
		return err != unix.EAGAIN && err != unix.EINTR
	}
	return n == 0
}

// Peer returns the address at the other end, the zero one if that is gone.
func (s *Socket) Peer() netip.Addr {
	sa, err := unix.Getpeername(s.Descriptor())
	if err != nil {
		return netip.Addr{}
	}
	return addrOf(sa)
}

func addrOf(sa unix.Sockaddr) netip.Addr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(sa.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(sa.Addr).Unmap()
	}
	return netip.Addr{}
}

// Write gives b to the kernel and keeps what it does not take; [Conn.Writable] is called when there is room for that. After an error
// the caller has to close the socket.
func (l *Loop) Write(s *Socket, b []byte) error {
	if s.kept != nil {
		s.kept.add(b)
		return nil
	}
	n, err := write(s.Descriptor(), b)
	if err != nil {
		return err
	}
	if n < len(b) {
		s.kept = &unsent{bytes: append([]byte(nil), b[n:]...)}
		l.watchWritable(s.Descriptor())
	}
	return nil
}

// Flush writes what was kept. After an error the caller has to close the socket.
func (l *Loop) Flush(s *Socket) error {
	k := s.kept
	if k == nil {
		return nil
	}
	n, err := write(s.Descriptor(), k.bytes[k.from:])
	if err != nil {
		return err
	}
	if k.from += n; k.from == len(k.bytes) {
		s.kept = nil
		l.unwatchWritable(s.Descriptor())
	} else if k.from > len(k.bytes)/2 {
		k.compact()
	}
	return nil
}

// Close gives the descriptor back, with what was kept; s has none then. A socket that was closed before is left alone.
func (l *Loop) Close(s *Socket) {
	fd := s.Descriptor()
	if fd < 0 {
		return
	}
	*s = Socket{}
	l.conns[fd] = nil
	l.unwatch(fd)
	if l.spare < 0 {
		l.reserve()
	}
}

// write is one write(2) that is not interrupted; a full socket takes 0 bytes.
func write(fd int, b []byte) (int, error) {
	for {
		n, err := writeRaw(fd, b)
		switch err {
		case nil:
			return n, nil
		case unix.EAGAIN:
			return 0, nil
		case unix.EINTR:
		default:
			return 0, err
		}
	}
}

// unsent is what the kernel has not taken.
type unsent struct {
	bytes []byte
	from  int
}

// unsentStep is by how many bytes the buffer grows: there may be thousands of them when clients stall.
const unsentStep = 4 << 10

// add appends b.
func (u *unsent) add(b []byte) {
	if need := len(u.bytes) + len(b); need > cap(u.bytes) {
		grown := make([]byte, len(u.bytes), (need+unsentStep-1)/unsentStep*unsentStep)
		copy(grown, u.bytes)
		u.bytes = grown
	}
	u.bytes = append(u.bytes, b...)
}

// compact forgets what the kernel has taken, and memory that is not needed any more.
func (u *unsent) compact() {
	rest := u.bytes[u.from:]
	if len(rest) < cap(u.bytes)/4 {
		u.bytes = append([]byte(nil), rest...)
	} else {
		u.bytes = u.bytes[:copy(u.bytes, rest)]
	}
	u.from = 0
}
