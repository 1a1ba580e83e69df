package edge

import (
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/internal/wsframe"
)

// Reasons of close frames that only the edge gives; the others are in packages wire and wsframe.
const (
	reasonOverloaded  = "overloaded, try again later"
	reasonSlowMessage = "message took too long"
	reasonControlRate = "too many pings or pongs, slow down"
)

// readFrames takes bytes from the socket, split anywhere, and hands completed messages to the session.
func (c *conn) readFrames(data []byte) {
	most := c.loop.srv.cfg.MaxMessageBytes
	if c.flags.has(flagPeerJS) {
		most = c.loop.srv.cfg.MaxPeerJSBytes
	}
	r := wsframe.NewReader(data, nil, most)
	if c.work != nil {
		r.Lend(&c.work.stream)
	}
	for c.reading() {
		switch e := r.Next(); e.Kind {
		case wsframe.Drained:
			if c.work != nil {
				c.loop.countWork(c.work)
			}
			return
		case wsframe.Incomplete:
			r.Lend(&c.loop.beginWork(c, c.loop.srv.cfg.MessageTimeout).stream)
			continue
		case wsframe.Frame:
			c.countFrame()
			continue
		case wsframe.Message:
			c.session.Message(e.Payload)
		case wsframe.Ping:
			c.ping(e.Payload)
		case wsframe.Pong:
			c.pong(e.Payload)
		case wsframe.Close: // answered with its own code (RFC 6455 section 5.5.1)
			c.end(e.Code, "", signaling.Closure{By: signaling.ClosedByClient, Code: e.Code})
		case wsframe.Violation:
			c.fail(e.Code, e.Reason)
		}
		if c.state == stateOpen && c.work != nil && c.work.stream.Empty() {
			c.loop.endWork(c) // what follows has a deadline of its own
			r.Lend(nil)
		}
	}
}

// reading reports whether frames are still processed. A close, from any goroutine, ends that, unless the client was sent away.
func (c *conn) reading() bool {
	return c.session != nil && c.state != stateDead && (!c.sealed.Load() || c.endKind == signaling.SentAway)
}

// ping answers a ping. RFC 6455 section 5.5.3 asks for an answer to the most recent one only, so a client that pings without reading gets
// no more than its bound.
func (c *conn) ping(data []byte) {
	if c.countControl() {
		c.queue(output{op: wsframe.OpPong, payload: data}, skipWhenFull)
	}
}

// pong passes a pong to the session; an empty one only if it answers a ping of the sweep.
func (c *conn) pong(data []byte) {
	if !c.countControl() || len(data) == 0 && !c.flags.has(flagPinged) {
		return
	}
	if len(data) == 0 {
		c.flags.clear(flagPinged)
	}
	c.session.Pong(data)
}

// fail closes for cause.
func (c *conn) fail(code wire.CloseCode, reason string) {
	c.end(code, reason, signaling.Closure{By: signaling.ClosedForCause})
}

// end closes because of something the client sent. If the client was sent away before, its session is over too.
func (c *conn) end(code wire.CloseCode, reason string, why signaling.Closure) {
	c.queueClose(code, reason, why)
	if c.endKind == signaling.SentAway {
		c.closeSession()
	}
}
