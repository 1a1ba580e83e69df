//go:build linux && !gnet

package edge

import "golang.org/x/sys/unix"

// socket is a descriptor that does not block, and what the kernel has not taken yet.
type socket struct {
	fd  int32
	out *unsent // nil unless the client reads more slowly than it is written to
}

// noSocket is that of a connection that is gone: 0 would be a descriptor, and somebody's.
func noSocket() socket { return socket{fd: -1} }

type unsent struct {
	bytes []byte
	from  int
}

// outStep is by how much the buffer grows that unsent bytes are in: there may be thousands of them when clients stall.
const outStep = 4 << 10

// add appends b.
func (o *unsent) add(b []byte) {
	if need := len(o.bytes) + len(b); need > cap(o.bytes) {
		grown := make([]byte, len(o.bytes), (need+outStep-1)/outStep*outStep)
		copy(grown, o.bytes)
		o.bytes = grown
	}
	o.bytes = append(o.bytes, b...)
}

// compact forgets what the kernel has taken, and memory that is not needed any more.
func (o *unsent) compact() {
	rest := o.bytes[o.from:]
	if len(rest) < cap(o.bytes)/4 {
		o.bytes = append([]byte(nil), rest...)
	} else {
		o.bytes = o.bytes[:copy(o.bytes, rest)]
	}
	o.from = 0
}

func (s *socket) descriptor() int { return int(s.fd) }

// read takes what there is, up to a buffer; the rest is another event.
func (c *conn) read() {
	l := c.loop
	n, err := read(int(c.fd), l.buf)
	switch {
	case n > 0:
		c.received(l.buf[:n])
	case err != unix.EAGAIN && err != unix.EINTR:
		l.closeSocket(c)
	}
}

// send writes b, or keeps what the kernel does not take. On an error the socket has been closed.
func (c *conn) send(b []byte) error {
	if c.out != nil {
		c.out.add(b)
		return nil
	}
	n, err := write(int(c.fd), b)
	if err != nil {
		c.loop.closeSocket(c)
		return err
	}
	if n < len(b) {
		c.out = &unsent{bytes: append([]byte(nil), b[n:]...)}
		c.watch(unix.EPOLLIN | unix.EPOLLOUT)
	}
	return nil
}

// flush writes what was kept, when the kernel has room again.
func (c *conn) flush() {
	o := c.out
	if o == nil {
		return
	}
	n, err := write(int(c.fd), o.bytes[o.from:])
	if err != nil {
		c.loop.closeSocket(c)
		return
	}
	if o.from += n; o.from == len(o.bytes) {
		c.out = nil
		c.watch(unix.EPOLLIN)
	} else if o.from > len(o.bytes)/2 {
		o.compact()
	}
	c.loop.enter()
	c.settle(0)
	c.shutdown()
	c.loop.leave()
}

// unsent returns how many bytes wait for the kernel.
func (c *conn) unsent() int {
	if c.out == nil {
		return 0
	}
	return len(c.out.bytes) - c.out.from
}

func (c *conn) watch(events uint32) {
	// It cannot fail for a socket that is watched already but for want of memory; then the socket is of no use.
	if c.loop.watch(unix.EPOLL_CTL_MOD, int(c.fd), events) != nil {
		_ = unix.Shutdown(int(c.fd), unix.SHUT_RDWR)
	}
}

// closeSocket closes a socket, once. Nobody writes to the descriptor any more when it is given back.
func (l *loop) closeSocket(c *conn) {
	fd := int(c.fd)
	if l.conns[fd] != c {
		return
	}
	l.conns[fd] = nil
	c.out = nil
	c.ended()
	_ = unix.Close(fd)
	l.srv.forget()
	if l.kept < 0 {
		l.reserve()
	}
}

// write is one write; a full socket takes nothing.
func write(fd int, b []byte) (int, error) {
	for {
		n, err := writeOnce(fd, b)
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
