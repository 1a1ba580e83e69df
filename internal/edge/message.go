package edge

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// Reasons of close frames that only the edge sends; the others are in package wire.
const (
	reasonBadLength    = "frame length not minimal"
	reasonBadCloseBody = "invalid close frame"
	reasonOverloaded   = "overloaded, try again later"
	reasonSlowMessage  = "message took too long"
	reasonControlRate  = "too many pings or pongs, slow down"
)

// message hands one whole data message to the session. RFC 6455 section 8.1 wants text checked.
func (c *conn) message(text bool, payload []byte) {
	if text && !utf8.Valid(payload) {
		c.fail(violation{wire.CloseInvalidPayload, wire.ReasonInvalidUTF8})
		return
	}
	c.loop.served++
	c.session.Message(payload)
}

// control handles one whole control frame (RFC 6455 section 5.5).
func (c *conn) control(op ws.OpCode, payload []byte) {
	if op != ws.OpClose && !c.countControl() {
		return
	}
	switch op {
	case ws.OpPing:
		// Section 5.5.3 asks for an answer to the most recent ping only: one that pings without
		// reading gets no more than its bound.
		c.queue(ws.OpPong, payload, nil, skipWhenFull)
	case ws.OpPong:
		c.pong(payload)
	case ws.OpClose:
		c.clientClose(payload)
	}
}

// pong hands a pong over that may tell the session something: an empty one only if the sweep has asked for it.
func (c *conn) pong(payload []byte) {
	if len(payload) == 0 && !c.marks.has(markPinged) {
		return
	}
	if len(payload) == 0 {
		c.marks.clear(markPinged)
	}
	c.loop.served++
	c.session.Pong(payload)
}

// clientClose answers a close frame with its own code (RFC 6455 section 5.5.1).
func (c *conn) clientClose(body []byte) {
	code := wire.CloseNoStatus
	if len(body) >= 2 {
		code = wire.CloseCode(binary.BigEndian.Uint16(body))
	}
	switch {
	case len(body) == 1 || len(body) >= 2 && !mayClose(code):
		c.fail(violation{wire.CloseProtocolError, reasonBadCloseBody})
	case len(body) > 2 && !utf8.Valid(body[2:]):
		c.fail(violation{wire.CloseInvalidPayload, wire.ReasonInvalidUTF8})
	default:
		c.queueClose(code, "", signaling.End{Kind: signaling.EndClient, Code: code})
	}
}

// mayClose is whether a close frame may carry the code: registered for that (RFC 6455 section 7.4.1 and the
// IANA registry), or in the ranges for libraries and applications (section 7.4.2).
func mayClose(code wire.CloseCode) bool {
	return 1000 <= code && code <= 1003 || 1007 <= code && code <= 1014 || 3000 <= code && code <= 4999
}

// fail closes for cause.
func (c *conn) fail(v violation) {
	c.queueClose(v.code, v.reason, signaling.End{Kind: signaling.EndPolicy})
}
