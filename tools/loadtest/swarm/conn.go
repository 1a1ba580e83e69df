//go:build linux

package swarm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// Handler is told what happens to a connection, on the loop. It may use the connection, dial others, and close any.
type Handler interface {
	// Opened is called when the upgrade was accepted.
	Opened(c *Conn)
	// Message takes a data message, whose bytes are valid during the call.
	Message(c *Conn, payload []byte)
	// Closed is called once when the connection has ended or could not be opened, but not after Close or Reset.
	Closed(c *Conn, end error)
}

// CloseError is a close frame from the server. Code is 1005 when it had none.
type CloseError struct {
	Code   uint16
	Reason string
}

func (e *CloseError) Error() string { return fmt.Sprintf("closed with %d %q", e.Code, e.Reason) }

type state uint8

const (
	connecting state = iota
	upgrading
	open
	closed
)

// Conn is one client. It belongs to its loop.
type Conn struct {
	Tag int // the handler's own

	loop      *Loop
	handler   Handler
	fd        int
	age       int32
	state     state
	queued    bool   // in loop.dirty
	armed     bool   // waits for room to write
	abandoned bool   // see Abandon
	in        []byte // an incomplete frame or head
	out       []byte // queued; what is before sent has been written
	sent      int
	request   []byte // until it is written
}

// Open reports whether messages can be sent.
func (c *Conn) Open() bool { return c.state == open }

// Send queues a text message; it is written before the loop turns to anything else.
func (c *Conn) Send(payload []byte) { c.queue(opText, payload) }

// Close says goodbye with a close frame and is done with the connection.
func (c *Conn) Close(code uint16) {
	if c.state == open {
		c.queue(opClose, binary.BigEndian.AppendUint16(nil, code))
		c.flush()
	}
	c.release()
}

// Reset ends the connection as a network that breaks does: the server sees a reset, no close frame.
func (c *Conn) Reset() {
	if c.state != closed {
		_ = unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	c.release()
}

func (c *Conn) queue(op opcode, payload []byte) {
	if c.state != open || c.abandoned {
		return
	}
	if c.out == nil {
		c.out = c.loop.buffer()
	}
	c.out = appendFrame(c.out, op, payload)
	if !c.queued {
		c.queued = true
		c.loop.dirty = append(c.loop.dirty, c)
	}
}

// flush writes what is queued; what does not fit waits for the socket.
func (c *Conn) flush() {
	c.queued = false
	if len(c.out) == 0 || c.armed || c.state == closed {
		return
	}
	n, err := unix.Write(c.fd, c.out[c.sent:])
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		c.fail(fmt.Errorf("write: %w", err))
		return
	}
	n = max(n, 0)
	c.loop.seen.BytesOut += uint64(n)
	c.sent += n
	switch {
	case c.sent == len(c.out):
		c.loop.recycle(c.out)
		c.out, c.sent = nil, 0
		return
	case c.sent > len(c.out)/2:
		c.out = c.out[:copy(c.out, c.out[c.sent:])]
		c.sent = 0
	}
	c.arm(true)
}

// arm has the loop wait for room to write, or no longer.
func (c *Conn) arm(on bool) {
	c.armed = on
	c.watch(unix.EPOLL_CTL_MOD)
}

func (c *Conn) watch(op int) {
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(c.fd), Pad: c.age}
	if c.armed {
		e.Events |= unix.EPOLLOUT
	}
	if err := unix.EpollCtl(c.loop.epoll, op, c.fd, &e); err != nil {
		c.fail(fmt.Errorf("watch: %w", err))
	}
}

// ready takes an event of the socket.
func (c *Conn) ready(events uint32) {
	if c.state == connecting {
		c.connected()
		return
	}
	if events&unix.EPOLLOUT != 0 && c.armed {
		c.arm(false)
		c.flush()
	}
	if events&^unix.EPOLLOUT != 0 && c.state != closed {
		c.receive()
	}
}

// receive reads once: what is left has epoll, which is level-triggered, call again.
func (c *Conn) receive() {
	buf := c.loop.read
	have := copy(buf, c.in)
	n, err := unix.Read(c.fd, buf[have:])
	switch {
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
		return
	case err != nil:
		c.fail(fmt.Errorf("read: %w", err))
		return
	case n == 0:
		c.fail(io.ErrUnexpectedEOF)
		return
	}
	c.loop.seen.BytesIn += uint64(n)
	rest := c.feed(buf[:have+n])
	switch {
	case c.state == closed:
	case len(rest) == 0:
		if c.in != nil {
			c.loop.recycle(c.in)
			c.in = nil
		}
	case len(rest) >= len(buf)-1024:
		c.fail(errFrameTooBig)
	default:
		if c.in == nil {
			c.in = c.loop.buffer()
		}
		c.in = append(c.in[:0], rest...)
	}
}

// feed takes whole frames off b and returns what is left.
func (c *Conn) feed(b []byte) []byte {
	if c.state == upgrading {
		n, err := readHead(b)
		if err != nil {
			c.fail(err)
			return nil
		}
		if n == 0 {
			return b
		}
		b = b[n:]
		c.state = open
		c.handler.Opened(c)
	}
	for c.state == open {
		f, n, err := readFrame(b)
		if err != nil {
			c.fail(err)
			return nil
		}
		if n == 0 {
			return b
		}
		b = b[n:]
		c.take(f)
	}
	return nil
}

func (c *Conn) take(f frame) {
	c.loop.seen.FramesIn++
	switch f.op {
	case opText:
		c.handler.Message(c, f.payload)
	case opPing: // the same data back, RFC 6455 section 5.5.3
		c.loop.seen.Pings++
		c.queue(opPong, f.payload)
	case opPong:
	case opClose:
		end := &CloseError{Code: 1005}
		if len(f.payload) >= 2 {
			end.Code, end.Reason = binary.BigEndian.Uint16(f.payload), string(f.payload[2:])
		}
		c.queue(opClose, f.payload)
		c.flush()
		c.fail(end)
	default:
		c.fail(fmt.Errorf("frame with opcode %#x", byte(f.op)))
	}
}

// fail ends the connection and tells its handler.
func (c *Conn) fail(err error) {
	if c.state == closed {
		return
	}
	c.release()
	c.handler.Closed(c, err)
}

func (c *Conn) release() {
	if c.state == closed {
		return
	}
	c.state = closed
	l := c.loop
	_ = unix.Close(c.fd) // epoll forgets it
	l.conns[c.fd] = nil
	l.open--
	for _, b := range [...][]byte{c.in, c.out} {
		if b != nil {
			l.recycle(b)
		}
	}
	c.in, c.out, c.request = nil, nil, nil
}
