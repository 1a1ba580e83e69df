package edge

import (
	"crypto/sha1" //nolint:gosec // RFC 6455 section 1.3
	"encoding/base64"
	"errors"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// healthPath answers 200 as long as the process runs.
const healthPath = "/health"

// readHead collects the head of the request. What follows it in the same read is fed at once: no event will
// come for it.
func (c *conn) readHead(data []byte) {
	limit := c.loop.srv.cfg.MaxHeadBytes
	w := c.work
	from := len(w.buf)
	head := data[:min(len(data), limit-from)]
	if from > 0 || headEnd(head, 0) < 0 {
		c.loop.keep(w, head, limit)
		head = w.buf
	}
	end := headEnd(head, from)
	if end < 0 {
		if f := c.loop.srv.foreign.find(head); f != nil {
			c.refuseForeign(f)
		} else if len(head) >= limit {
			c.answer(&answerHeadTooBig, false)
		}
		return
	}
	c.request(head[:end])
	if c.state == stateOpen {
		c.loop.release(c)
		c.feed(data[end-from:])
	}
}

// request answers a complete head, with a 101 if it is an upgrade that can be had.
func (c *conn) request(raw []byte) {
	h, ok := parseHead(raw)
	if !ok {
		if f := c.loop.srv.foreign.find(raw); f != nil {
			c.refuseForeign(f)
		} else {
			c.answer(&answerBadRequest, false)
		}
		return
	}
	offer := wire.ParseSubprotocols(h.protocols...)
	connect, refused, a := c.loop.srv.judge(&h, offer.Dialect)
	if a != nil {
		c.answer(a, string(h.method) == "HEAD")
		return
	}
	if c.hasEnded() {
		// A client that gave up on a slow attempt may be back on another connection already, and this
		// one must not take its session over.
		c.drop(dropGone)
		return
	}
	client, ok := c.loop.srv.clients.ask(c, &h)
	if !ok {
		c.answer(&c.loop.srv.tooMany, false)
		return
	}
	if refused == nil {
		if a := c.loop.srv.authenticate(&h, connect, &offer); a != nil {
			c.answer(a, false)
			return
		}
	}
	if c.loop.short() || !c.loop.srv.admit() {
		c.answer(&c.loop.srv.unavailable, false)
		return
	}
	c.marks.set(markAdmitted) // and counted out when it ends
	if !c.loop.srv.clients.take(c, client) {
		c.answer(&c.loop.srv.tooMany, false)
		return
	}
	c.switchProtocols(h.key, offer.Accept)
	if c.state != stateHead {
		return // the write found the socket closed
	}
	c.open(connect, refused, offer)
}

// open hands an upgraded connection to the hub, or tells the client why it is refused.
func (c *conn) open(connect wire.Connect, refused *wire.RefusedError, offer wire.Offer) {
	c.state = stateOpen
	c.loop.list(c)
	if refused != nil {
		c.loop.srv.metrics.upgraded(upgradeRefused)
		c.queueClose(wire.CloseUnsupported, refused.Reason, signaling.End{Kind: signaling.EndPolicy})
		return
	}
	c.loop.srv.metrics.upgraded(upgradeAccepted)
	c.loop.served++
	c.session = c.loop.srv.hub.Open(c, connect, offer)
}

// judge decides what a request gets: an answer when it is no upgrade or none that can be had now. A refused
// connect is upgraded, to be told why by a close frame.
func (s *Server) judge(h *head, dialect wire.Dialect) (wire.Connect, *wire.RefusedError, *answer) {
	var connect wire.Connect
	var refused *wire.RefusedError
	target, err := wire.ParseTarget(h.target, s.cfg.BasePath)
	if err != nil {
		return connect, nil, &answerBadRequest
	}
	connect, err = target.Connect(dialect)
	switch isRefused := errors.As(err, &refused); {
	case h.hosts > 1, h.hosts == 0 && !h.http10, err != nil && !isRefused:
		return connect, nil, &answerBadRequest
	case string(h.method) != "GET" && string(h.method) != "HEAD":
		return connect, nil, &answerMethod
	case h.body:
		return connect, nil, &answerBadRequest
	case h.http10, !h.upgrade, !h.connection, string(h.method) == "HEAD":
		return connect, nil, plainAnswer(target, refused)
	case h.versions != 1, h.keys != 1, h.origins > 1:
		return connect, nil, &answerBadRequest
	case string(h.version) != "13":
		return connect, nil, &answerUpgrade
	case !isKey(h.key):
		return connect, nil, &answerBadRequest
	case h.origins == 1 && !s.origins.Allows(string(h.origin)):
		return connect, nil, &answerForbidden
	case s.refusing.Load() || s.hub.Ready(connect.Room) != nil:
		return connect, nil, &s.unavailable
	}
	return connect, refused, nil
}

// plainAnswer is what a GET without an upgrade gets.
func plainAnswer(target wire.Target, refused *wire.RefusedError) *answer {
	switch {
	case string(target.Path) == healthPath:
		return &answerHealth
	case refused == nil:
		return &answerUpgrade
	}
	if _, ok := target.Room(wire.RejoinV1); !ok {
		return &answerNotFound
	}
	return &answerUpgrade
}

// keyLen is how long 16 bytes are in base64.
const keyLen = 24

// isKey is whether a Sec-WebSocket-Key decodes to 16 bytes (RFC 6455 section 4.2.1).
func isKey(key []byte) bool {
	var decoded [18]byte
	if len(key) != keyLen {
		return false
	}
	n, err := base64.StdEncoding.Decode(decoded[:], key)
	return err == nil && n == 16
}

// switchProtocols sends the 101.
func (c *conn) switchProtocols(key []byte, protocol string) {
	c.loop.reply = appendSwitch(c.loop.reply[:0], key, protocol)
	c.writeNow(c.loop.reply)
}

// appendSwitch appends the answer to an upgrade (RFC 6455 section 4.2.2). protocol may be "".
func appendSwitch(dst, key []byte, protocol string) []byte {
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // of section 1.3
	var salted [keyLen + len(guid)]byte
	copy(salted[copy(salted[:], key):], guid)
	sum := sha1.Sum(salted[:])
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	dst = base64.StdEncoding.AppendEncode(dst, sum[:])
	if protocol != "" {
		dst = append(append(dst, "\r\nSec-WebSocket-Protocol: "...), protocol...)
	}
	return append(dst, "\r\n\r\n"...)
}

// admit counts one upgraded connection in, unless there are too many.
func (s *Server) admit() bool {
	if s.upgraded.Add(1) > s.maxUpgraded {
		s.upgraded.Add(-1)
		return false
	}
	return true
}
