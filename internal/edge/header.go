package edge

import (
	"encoding/binary"

	"github.com/gobwas/ws"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// headerSize returns how many bytes the header takes that begins with b, or 2 as long as that cannot be told.
func headerSize(b []byte) int {
	if len(b) < 2 {
		return 2
	}
	size := 2
	switch b[1] & 0x7f {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if b[1]&0x80 != 0 {
		size += 4
	}
	return size
}

// parseHeader reads a header that is there as a whole (RFC 6455 section 5.2). A length that does not fit is
// returned negative, and minimal is whether the shortest encoding was used.
func parseHeader(b []byte) (h ws.Header, minimal bool) {
	h.Fin = b[0]&0x80 != 0
	h.Rsv = b[0] & 0x70 >> 4
	h.OpCode = ws.OpCode(b[0] & 0x0f)
	h.Masked = b[1]&0x80 != 0
	short := b[1] & 0x7f
	rest := b[2:]
	minimal = true
	switch short {
	case 126:
		h.Length = int64(binary.BigEndian.Uint16(rest))
		minimal = h.Length >= 126
		rest = rest[2:]
	case 127:
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

// frameSize returns the bytes that a server's frame with n bytes of payload takes.
func frameSize(n int) int {
	switch {
	case n < 126:
		return 2 + n
	case n < 1<<16:
		return 4 + n
	}
	return 10 + n
}

// appendHeader appends the header of a final, unmasked frame (RFC 6455 section 5.2).
func appendHeader(dst []byte, op ws.OpCode, n int) []byte {
	dst = append(dst, 0x80|byte(op))
	switch {
	case n < 126:
		return append(dst, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
}

// appendClose appends a close frame (RFC 6455 section 5.5.1); with CloseNoStatus its body is empty.
func appendClose(dst []byte, code wire.CloseCode, reason string) []byte {
	if code == wire.CloseNoStatus {
		return appendHeader(dst, ws.OpClose, 0)
	}
	reason = reason[:min(len(reason), ws.MaxControlFramePayloadSize-2)]
	dst = appendHeader(dst, ws.OpClose, 2+len(reason))
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, reason...)
}
