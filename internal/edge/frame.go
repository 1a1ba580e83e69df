package edge

import (
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// maxPend is the longest control frame: a header with a short length and a mask, and 125 bytes.
const maxPend = 2 + 4 + ws.MaxControlFramePayloadSize

// violation is why a connection has to be closed.
type violation struct {
	code   wire.CloseCode
	reason string
}

// feed takes bytes from the socket, of any split. It unmasks in place and keeps what is incomplete.
func (c *conn) feed(data []byte) {
	for len(data) > 0 && c.reading() {
		w := c.work
		switch {
		case w != nil && w.left > 0:
			data = c.feedPayload(w, data)
		case w != nil && w.pending > 0:
			data = c.feedPending(w, data)
		default:
			data = c.feedFrame(data)
		}
	}
	if w := c.work; w != nil && c.state == stateOpen && w.pending == 0 && !w.begun {
		c.loop.release(c)
	}
}

// reading is whether frames still mean something: a close, from whatever goroutine, ends that.
func (c *conn) reading() bool { return c.state == stateOpen && !c.closed.Load() }

// feedFrame takes a frame from its first byte, and returns what follows it.
func (c *conn) feedFrame(data []byte) []byte {
	size := headerSize(data)
	if len(data) < size {
		return c.pend(data)
	}
	h, ok := c.checkHeader(data)
	if !ok {
		return nil
	}
	length := int(h.Length)
	if h.OpCode.IsControl() {
		if len(data) < size+length {
			return c.pend(data)
		}
		payload := data[size : size+length]
		ws.Cipher(payload, h.Mask, 0)
		c.control(h.OpCode, payload)
		return data[size+length:]
	}
	if !c.countFrame() {
		return nil
	}
	data = data[size:]
	if h.Fin && h.OpCode != ws.OpContinuation && len(data) >= length {
		payload := data[:length]
		ws.Cipher(payload, h.Mask, 0)
		c.message(h.OpCode == ws.OpText, payload)
		return data[length:]
	}
	return c.beginPayload(h, data)
}

// checkHeader reads the header at the start of data, and closes if it breaks a rule. It may be called again
// for the same control frame.
func (c *conn) checkHeader(data []byte) (ws.Header, bool) {
	h, minimal := parseHeader(data)
	state := ws.StateServerSide
	held := 0
	if w := c.work; w != nil && w.begun {
		state, held = state.Set(ws.StateFragmented), len(w.buf)
	}
	switch err := ws.CheckHeader(h, state); {
	case err != nil:
		c.fail(violation{wire.CloseProtocolError, err.Error()})
	case !minimal || h.Length < 0:
		c.fail(violation{wire.CloseProtocolError, reasonBadLength})
	case !h.OpCode.IsControl() && h.Length > int64(c.loop.srv.cfg.MaxMessageBytes-held):
		c.fail(violation{wire.CloseTooBig, wire.ReasonTooBig})
	default:
		return h, true
	}
	return h, false
}

// pend keeps an incomplete header or control frame.
func (c *conn) pend(data []byte) []byte {
	w := c.work
	if w == nil {
		w = c.loop.begin(c, c.loop.srv.cfg.MessageTimeout)
	}
	w.pending = copy(w.pend[:], data)
	return nil
}

// feedPending completes what pend kept, byte for byte as much as is needed and no more.
func (c *conn) feedPending(w *work, data []byte) []byte {
	if data = w.fill(headerSize(w.pend[:w.pending]), data); w.pending < 2 {
		return data
	}
	size := headerSize(w.pend[:w.pending])
	if data = w.fill(size, data); w.pending < size {
		return data
	}
	h, ok := c.checkHeader(w.pend[:size])
	if !ok {
		return nil
	}
	if !h.OpCode.IsControl() {
		w.pending = 0
		if !c.countFrame() {
			return nil
		}
		return c.beginPayload(h, data)
	}
	total := size + int(h.Length)
	if data = w.fill(total, data); w.pending < total {
		return data
	}
	w.pending = 0
	payload := w.pend[size:total]
	ws.Cipher(payload, h.Mask, 0)
	c.control(h.OpCode, payload)
	return data
}

// fill moves bytes from data to pend until that holds n.
func (w *work) fill(n int, data []byte) []byte {
	if n <= w.pending {
		return data
	}
	moved := copy(w.pend[w.pending:n], data)
	w.pending += moved
	return data[moved:]
}

// beginPayload starts a data frame that is a fragment, or not here as a whole yet.
func (c *conn) beginPayload(h ws.Header, data []byte) []byte {
	w := c.work
	if w == nil {
		w = c.loop.begin(c, c.loop.srv.cfg.MessageTimeout)
	}
	if h.OpCode != ws.OpContinuation {
		w.begun, w.text = true, h.OpCode == ws.OpText
	}
	w.head, w.left = h, int(h.Length)
	return c.feedPayload(w, data)
}

// feedPayload takes what there is of the current data frame.
func (c *conn) feedPayload(w *work, data []byte) []byte {
	n := min(w.left, len(data))
	from := len(w.buf)
	c.loop.keep(w, data[:n], from+w.left)
	ws.Cipher(w.buf[from:], w.head.Mask, int(w.head.Length)-w.left)
	w.left -= n
	switch {
	case w.left == 0 && w.head.Fin:
		c.endMessage(w)
	case w.text && !w.maybeText():
		c.fail(violation{wire.CloseInvalidPayload, wire.ReasonInvalidUTF8})
		return nil
	}
	return data[n:]
}

// maybeText is whether what there is of a text can be the beginning of UTF-8: what cannot is refused at once
// (RFC 6455 section 8.1), not when all of it has come.
func (w *work) maybeText() bool {
	rest := w.buf[w.intact:]
	whole := len(rest)
	for i := whole - 1; i >= max(0, whole-utf8.UTFMax+1); i-- {
		if utf8.RuneStart(rest[i]) {
			if !utf8.FullRune(rest[i:]) {
				whole = i // a character that may still become one
			}
			break
		}
	}
	w.intact += whole
	return utf8.Valid(rest[:whole])
}

// endMessage hands over a message whose last frame is complete.
func (c *conn) endMessage(w *work) {
	c.message(w.text, w.buf)
	if c.reading() {
		// A new deadline for what follows.
		c.loop.release(c)
	}
}
