package wsframe

import (
	"slices"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// maxKept is the size of the longest control frame from a client: a short header, its mask, and the payload.
const maxKept = 2 + 4 + MaxControlPayload

// minBuffer is the smallest payload buffer, in bytes.
const minBuffer = 512

// Partial is the part of a stream that is incomplete: the beginning of a header or of a control frame, and the data message that is
// being put together. The zero Partial is empty and ready for use.
type Partial struct {
	// a header, or a control frame with its header, that is incomplete
	kept [maxKept]byte
	n    int // bytes of kept

	// the data message that has begun
	begun   bool
	text    bool
	payload []byte    // so far, unmasked
	valid   int       // bytes of payload that are known to be UTF-8
	frame   ws.Header // whose payload is being read
	left    int       // bytes of that payload still to come
}

// Empty reports whether nothing is incomplete.
func (p *Partial) Empty() bool { return p.n == 0 && !p.begun }

// Buffered returns the size in bytes of the payload buffer.
func (p *Partial) Buffered() int { return cap(p.payload) }

// Reset empties p for another stream. It keeps a payload buffer of up to maxBuffer bytes.
func (p *Partial) Reset(maxBuffer int) {
	buffer := p.payload[:0]
	if cap(buffer) > maxBuffer {
		buffer = nil
	}
	*p = Partial{payload: buffer}
}

// fill moves bytes from data into kept until that holds n, and returns the rest of data.
func (p *Partial) fill(n int, data []byte) (rest []byte) {
	if n <= p.n {
		return data
	}
	moved := copy(p.kept[p.n:n], data)
	p.n += moved
	return data[moved:]
}

// begin starts on the payload of a data frame.
func (p *Partial) begin(h ws.Header) {
	if h.OpCode != ws.OpContinuation {
		p.begun, p.text = true, h.OpCode == ws.OpText
		p.payload, p.valid = p.payload[:0], 0
	}
	p.frame, p.left = h, int(h.Length)
}

// take moves what data has of the current frame's payload into the buffer, unmasked, and returns the rest of data.
func (p *Partial) take(data []byte) (rest []byte) {
	n := min(p.left, len(data))
	from := len(p.payload)
	p.payload = Grow(p.payload, n, from+p.left)
	p.payload = append(p.payload, data[:n]...)
	ws.Cipher(p.payload[from:], p.frame.Mask, int(p.frame.Length)-p.left)
	p.left -= n
	return data[n:]
}

// Grow makes room in buf for n more bytes. The buffer doubles, up to expected bytes: announcing a length costs a client's server
// nothing until the bytes arrive, and a trickle of bytes is not copied again and again.
func Grow(buf []byte, n, expected int) []byte {
	if need := len(buf) + n; need > cap(buf) {
		size := max(need, min(2*cap(buf), expected), min(minBuffer, expected))
		return slices.Grow(buf, size-len(buf))
	}
	return buf
}

// mayBecomeUTF8 reports whether the payload so far can be the beginning of UTF-8. If not, it is refused at once (RFC 6455 section
// 8.1), not when the message is complete.
func (p *Partial) mayBecomeUTF8() bool {
	unchecked := p.payload[p.valid:]
	whole := len(unchecked)
	for i := whole - 1; i >= max(0, whole-utf8.UTFMax+1); i-- {
		if utf8.RuneStart(unchecked[i]) {
			if !utf8.FullRune(unchecked[i:]) {
				whole = i // the last character may still be completed
			}
			break
		}
	}
	p.valid += whole
	return utf8.Valid(unchecked[:whole])
}
