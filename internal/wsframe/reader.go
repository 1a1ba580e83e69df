package wsframe

import (
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// Reader takes the frames out of one piece of a client's stream, cut anywhere. Make one for each piece that was read; what is left
// incomplete by one piece waits for the next in a [Partial].
type Reader struct {
	maxMessage int
	data       []byte // not yet read; unmasked in place
	partial    *Partial

	// the data frame that has been announced by Frame
	frame     ws.Header
	announced bool
}

// NewReader reads data, which it changes. partial is what the piece before left incomplete, nil if that was nothing. maxMessage bounds
// a message, the sum of its fragments, in bytes.
func NewReader(data []byte, partial *Partial, maxMessage int) Reader {
	return Reader{maxMessage: maxMessage, data: data, partial: partial}
}

// Lend gives the reader an empty Partial after Incomplete, or takes it back with nil once it is empty again.
func (r *Reader) Lend(p *Partial) { r.partial = p }

// Next returns the next event. Call it until it returns Drained, or until the connection is being closed.
func (r *Reader) Next() Event {
	for r.announced || len(r.data) > 0 {
		if e := r.step(); e.Kind != Drained {
			return e
		}
	}
	return Event{Kind: Drained}
}

// step reads one piece of a frame: what is left of its payload, of its header, or all of it. It returns Drained if there is nothing
// to report about it.
func (r *Reader) step() Event {
	p := r.partial
	switch {
	case r.announced:
		return r.beginPayload()
	case p != nil && p.left > 0:
		return r.readPayload(p)
	case p != nil && p.n > 0:
		return r.completeKept(p)
	}
	return r.readFrame()
}

// readFrame reads a frame from its first byte.
func (r *Reader) readFrame() Event {
	size := headerSize(r.data)
	if len(r.data) < size {
		return r.keep()
	}
	h, broken := r.checkHeader(r.data)
	if broken.Kind == Violation {
		return broken
	}
	if !h.OpCode.IsControl() {
		r.data = r.data[size:]
		return r.announce(h)
	}
	end := size + int(h.Length)
	if len(r.data) < end {
		return r.keep()
	}
	payload := r.data[size:end]
	r.data = r.data[end:]
	return controlEvent(h, payload)
}

// checkHeader reads and checks the complete header that b begins with. The event is a Violation if it breaks a rule. It may be called
// again for the same control frame.
func (r *Reader) checkHeader(b []byte) (ws.Header, Event) {
	h, minimal := parseHeader(b)
	state := ws.StateServerSide
	soFar := 0
	if p := r.partial; p != nil && p.begun {
		state, soFar = state.Set(ws.StateFragmented), len(p.payload)
	}
	switch err := ws.CheckHeader(h, state); {
	case err != nil:
		return h, violation(wire.CloseProtocolError, err.Error())
	case !minimal || h.Length < 0:
		return h, violation(wire.CloseProtocolError, reasonBadLength)
	case !h.OpCode.IsControl() && h.Length > int64(r.maxMessage-soFar):
		return h, violation(wire.CloseTooBig, wire.ReasonTooBig)
	}
	return h, Event{}
}

// keep stores an incomplete header or control frame.
func (r *Reader) keep() Event {
	if r.partial == nil {
		return Event{Kind: Incomplete}
	}
	r.partial.n = copy(r.partial.kept[:], r.data)
	r.data = nil
	return Event{Kind: Drained}
}

// completeKept completes what keep stored, with as many bytes as that needs and no more.
func (r *Reader) completeKept(p *Partial) Event {
	if r.data = p.fill(headerSize(p.kept[:p.n]), r.data); p.n < 2 {
		return Event{Kind: Drained}
	}
	size := headerSize(p.kept[:p.n])
	if r.data = p.fill(size, r.data); p.n < size {
		return Event{Kind: Drained}
	}
	h, broken := r.checkHeader(p.kept[:size])
	if broken.Kind == Violation {
		return broken
	}
	if !h.OpCode.IsControl() {
		p.n = 0
		return r.announce(h)
	}
	end := size + int(h.Length)
	if r.data = p.fill(end, r.data); p.n < end {
		return Event{Kind: Drained}
	}
	p.n = 0
	return controlEvent(h, p.kept[size:end])
}

// announce reports a data frame; the next call goes on with its payload.
func (r *Reader) announce(h ws.Header) Event {
	r.frame, r.announced = h, true
	return Event{Kind: Frame}
}

// beginPayload goes on behind the header of a data frame. A message of one frame that is here as a whole is returned as it is.
func (r *Reader) beginPayload() Event {
	h, n := r.frame, int(r.frame.Length)
	if h.Fin && h.OpCode != ws.OpContinuation && len(r.data) >= n {
		r.announced = false
		payload := r.data[:n]
		r.data = r.data[n:]
		ws.Cipher(payload, h.Mask, 0)
		return messageEvent(h.OpCode == ws.OpText, payload)
	}
	p := r.partial
	if p == nil {
		return Event{Kind: Incomplete}
	}
	r.announced = false
	p.begin(h)
	return r.readPayload(p)
}

// readPayload reads what there is of the current data frame's payload. It returns Drained if that does not complete a message.
func (r *Reader) readPayload(p *Partial) Event {
	r.data = p.take(r.data)
	if p.left == 0 && p.frame.Fin {
		p.begun = false
		return messageEvent(p.text, p.payload)
	}
	if p.text && !p.mayBecomeUTF8() {
		return violation(wire.CloseInvalidPayload, wire.ReasonInvalidUTF8)
	}
	return Event{Kind: Drained}
}

// messageEvent reports a whole data message (RFC 6455 section 8.1 wants text checked).
func messageEvent(text bool, payload []byte) Event {
	if text && !utf8.Valid(payload) {
		return violation(wire.CloseInvalidPayload, wire.ReasonInvalidUTF8)
	}
	return Event{Kind: Message, Payload: payload}
}

// controlEvent reports a whole control frame, whose payload is unmasked here.
func controlEvent(h ws.Header, payload []byte) Event {
	ws.Cipher(payload, h.Mask, 0)
	switch h.OpCode {
	case ws.OpPing:
		return Event{Kind: Ping, Payload: payload}
	case ws.OpPong:
		return Event{Kind: Pong, Payload: payload}
	}
	return closeEvent(payload)
}
