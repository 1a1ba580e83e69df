package edge

import (
	"sync/atomic"

	"github.com/gobwas/ws"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// state is where a connection stands in the picture of doc.go.
type state uint8

const (
	stateHead state = iota
	stateOpen
	stateClosing
	stateDead
)

// conn is one socket, and the signaling.Conn of its session. There is one for every idle client: a field
// that is not needed while idle belongs into work. It is never reused, so it may be referenced late.
type conn struct {
	// static
	loop *loop

	// owned by the loop
	socket
	session  Session // nil before Hub.Open, after Session.Closed, and for a refused connect
	work     *work   // nil while idle
	outbound int32   // bytes the kernel had not taken when last looked at
	place    int32   // in its slot of the sweep table
	rate     rate
	slot     uint16 // of the sweep table
	state    state
	quiet    uint8 // visits of the sweep since something arrived
	marks    marks

	// guarded by the inbox: how it ended, valid once closed
	endKind signaling.EndKind
	endCode wire.CloseCode

	// any goroutine
	waiting atomic.Int32 // bytes in the inbox and those the kernel has not taken
	closed  atomic.Bool  // nothing may be queued any more; set with the inbox locked
}

// marks are what is true of a connection.
type marks uint8

const (
	markBehind   marks = 1 << iota // listed in loop.behind
	markMoved                      // its socket took something since the sweep looked
	markAdmitted                   // counted in Server.upgraded
	markPinged                     // by the sweep, and has not answered
)

func (m marks) has(n marks) bool { return m&n != 0 }
func (m *marks) set(n marks)     { *m |= n }
func (m *marks) clear(n marks)   { *m &^= n }

// Deliver implements signaling.Conn.
func (c *conn) Deliver(payload, ping []byte) bool {
	return c.queue(ws.OpText, payload, ping, refuseWhenFull)
}

// Send implements signaling.Conn.
func (c *conn) Send(payload []byte) { c.queue(ws.OpText, payload, nil, loseWhenFull) }

// Ping implements signaling.Conn.
func (c *conn) Ping(data []byte) {
	c.queue(ws.OpPing, data[:min(len(data), ws.MaxControlFramePayloadSize)], nil, loseWhenFull)
}

// Close implements signaling.Conn.
func (c *conn) Close(code wire.CloseCode, reason string) {
	c.queueClose(code, reason, signaling.End{Kind: signaling.EndLocal})
}

// endSession tells the session that it is over, once.
func (c *conn) endSession() {
	session := c.session
	if session == nil {
		return
	}
	c.session = nil
	session.Closed(signaling.End{Kind: c.endKind, Code: c.endCode})
}

// drop closes the socket now, whatever waits to be written. The session hears of it as lost unless it was
// closed before.
func (c *conn) drop(reason dropReason) {
	if c.state == stateDead {
		return
	}
	c.loop.srv.metrics.drop(reason)
	c.loop.closeSocket(c) // comes back through ended
}

// gone is called when the socket has been closed, by whichever side.
func (c *conn) gone() {
	was := c.state
	c.state = stateDead
	c.loop.in.seal(c, signaling.End{Kind: signaling.EndLost})
	c.loop.release(c)
	if was == stateOpen {
		c.loop.srv.metrics.lost()
		c.loop.unlist(c)
	}
	c.endSession()
	c.loop.srv.cfg.Buffers.Add(-int64(c.outbound))
	c.socket, c.outbound = noSocket(), 0
}
