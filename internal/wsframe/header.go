package wsframe

import (
	"encoding/binary"

	"github.com/gobwas/ws"
)

// Opcode is the kind of a frame (RFC 6455 section 5.2).
type Opcode = ws.OpCode

// The opcodes of the frames that a server sends.
const (
	OpText = ws.OpText
	OpPing = ws.OpPing
	OpPong = ws.OpPong
)

// MaxControlPayload is the longest payload of a control frame, in bytes (RFC 6455 section 5.5).
const MaxControlPayload = ws.MaxControlFramePayloadSize

// Values of the 7-bit length that say that a longer one follows.
const (
	length16 = 126
	length64 = 127
)

// headerSize returns the size in bytes of the header that b begins with, or 2 while b is too short to tell.
func headerSize(b []byte) int {
	if len(b) < 2 {
		return 2
	}
	size := 2
	switch b[1] & 0x7f {
	case length16:
		size += 2
	case length64:
		size += 8
	}
	if b[1]&0x80 != 0 {
		size += 4
	}
	return size
}

// parseHeader reads a complete header. A length that does not fit an int64 comes out negative. minimal reports whether the length
// was written in its shortest form.
func parseHeader(b []byte) (h ws.Header, minimal bool) {
	h.Fin = b[0]&0x80 != 0
	h.Rsv = b[0] & 0x70 >> 4
	h.OpCode = ws.OpCode(b[0] & 0x0f)
	h.Masked = b[1]&0x80 != 0
	short := b[1] & 0x7f
	rest := b[2:]
	minimal = true
	switch short {
	case length16:
		h.Length = int64(binary.BigEndian.Uint16(rest))
		minimal = h.Length >= length16
		rest = rest[2:]
	case length64:
		h.Length = int64(binary.BigEndian.Uint64(rest))
		minimal = h.Length < 0 || h.Length >= 1<<16
		rest = rest[8:]
	default:
		h.Length = int64(short)
	}
	if h.Masked {
		copy(h.Mask[:], rest)
	}
	return h, minimal
}

// Size returns how many bytes [Append] adds for n bytes of payload.
func Size(n int) int {
	switch {
	case n < length16:
		return 2 + n
	case n < 1<<16:
		return 4 + n
	}
	return 10 + n
}

// Append appends a final, unmasked frame, as servers send them.
func Append(dst []byte, op Opcode, payload []byte) []byte {
	return append(appendHeader(dst, op, len(payload)), payload...)
}

func appendHeader(dst []byte, op Opcode, n int) []byte {
	dst = append(dst, 0x80|byte(op))
	switch {
	case n < length16:
		return append(dst, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, length16), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, length64), uint64(n))
}
