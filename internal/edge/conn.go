package edge

import (
	"sync/atomic"

	"github.com/rejoin-dev/rejoin/internal/evloop"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/internal/wsframe"
)

// state is where a connection stands in the picture of doc.go.
type state uint8

const (
	stateHead state = iota
	stateOpen
	stateClosing
	stateDead
)

// conn is one connection: the signaling.Conn of its session, and the evloop.Conn of its socket. Every idle client has one, so fields not
// needed while idle belong in work. A conn is never reused: references to it may outlive it.
type conn struct {
	// static
	loop *loop

	// owned by the loop
	socket   evloop.Socket
	session  Session // nil before Hub.Open, after Attachment.Closed, and for a refused connect
	work     *work   // nil while idle
	outbound int32   // bytes the kernel had not taken when last looked at
	place    int32   // in its slot of the sweep table
	rate     rate
	slot     uint16 // of the sweep table
	state    state
	quiet    uint8 // visits of the sweep since something arrived
	flags    flags

	// guarded by the outbox: how it ended, valid once sealed
	endKind signaling.ClosedBy
	endCode wire.CloseCode

	// any goroutine
	waiting atomic.Int32 // bytes in the outbox, and those the kernel has not taken
	sealed  atomic.Bool  // nothing more may be queued; set with the outbox locked
}

// flags are what is true of a connection.
type flags uint8

const (
	flagBehind   flags = 1 << iota // listed in loop.behind
	flagMoved                      // its socket accepted bytes since the last sweep
	flagAdmitted                   // counted in Server.upgraded
	flagPinged                     // by the sweep, and has not answered
	flagAsked                      // its head is complete, and the response is on its way
	flagPeerJS                     // its messages may be as long as those of PeerJS clients
)

func (f flags) has(g flags) bool { return f&g != 0 }
func (f *flags) set(g flags)     { *f |= g }
func (f *flags) clear(g flags)   { *f &^= g }

// Deliver implements signaling.Conn.
func (c *conn) Deliver(payload, ping []byte) bool {
	return c.queue(output{op: wsframe.OpText, payload: payload, ping: ping}, refuseWhenFull)
}

// Send implements signaling.Conn.
func (c *conn) Send(payload []byte) {
	c.queue(output{op: wsframe.OpText, payload: payload}, dropWhenFull)
}

// Ping implements signaling.Conn.
func (c *conn) Ping(data []byte) {
	c.queue(output{op: wsframe.OpPing, payload: data[:min(len(data), wsframe.MaxControlPayload)]}, dropWhenFull)
}

// Close implements signaling.Conn.
func (c *conn) Close(code wire.CloseCode, reason string) {
	c.queueClose(code, reason, signaling.Closure{By: signaling.ClosedByServer})
}

// SendAway implements signaling.Conn.
func (c *conn) SendAway(code wire.CloseCode, reason string) {
	c.queueClose(code, reason, signaling.Closure{By: signaling.SentAway})
}

// Received implements evloop.Conn.
func (c *conn) Received(data []byte) {
	c.loop.srv.metrics.received(len(data))
	c.loop.cork()
	c.quiet = 0
	if c.flags.has(flagBehind) {
		c.recount(0) // the session may want to know whether there is room
	}
	switch c.state {
	case stateHead:
		if !c.flags.has(flagAsked) {
			c.readHead(data)
		}
	case stateOpen, stateClosing:
		c.readFrames(data)
	case stateDead:
	}
	c.loop.uncork()
}

// Writable implements evloop.Conn.
func (c *conn) Writable() {
	c.loop.cork()
	defer c.loop.uncork()
	if c.loop.ev.Flush(&c.socket) != nil {
		c.remove(clientGone)
		return
	}
	c.recount(0)
	c.closeWrite()
}

// Lost implements evloop.Conn.
func (c *conn) Lost() { c.remove(clientGone) }
