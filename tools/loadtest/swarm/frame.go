package swarm

import (
	"encoding/binary"
	"errors"
)

// opcode is that of RFC 6455 section 5.2.
type opcode byte

const (
	opText  opcode = 0x1
	opClose opcode = 0x8
	opPing  opcode = 0x9
	opPong  opcode = 0xA
)

// maxFrame bounds what a server may send in one frame, bytes.
const maxFrame = 1 << 20

// Every frame has the same mask. It is not zero, so that the server has its work to do.
const mask = 0x9c3ba5d7

var (
	errFrameTooBig = errors.New("frame is over 1 MiB")
	errBadFrame    = errors.New("frame is masked, fragmented, or has reserved bits")
)

// appendFrame appends a complete client frame, masked (RFC 6455 section 5.3).
func appendFrame(dst []byte, op opcode, payload []byte) []byte {
	dst = append(dst, 0x80|byte(op))
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, 0x80|byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	}
	dst = binary.LittleEndian.AppendUint32(dst, mask)
	at := len(dst)
	dst = append(dst, payload...)
	applyMask(dst[at:])
	return dst
}

// applyMask masks b in place, eight bytes at a time.
func applyMask(b []byte) {
	const wide = uint64(mask)<<32 | mask
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(uint32(mask) >> (8 * (i % 4)))
	}
}

// frame is one server frame; payload aliases what it was read from.
type frame struct {
	op      opcode
	payload []byte
}

// readFrame takes one frame from the front of b. size is what it took, 0 when b holds no complete frame.
func readFrame(b []byte) (f frame, size int, err error) {
	if len(b) < 2 {
		return frame{}, 0, nil
	}
	if b[0]&0xf0 != 0x80 || b[1]&0x80 != 0 {
		return frame{}, 0, errBadFrame
	}
	n, at := uint64(b[1]), 2
	switch n {
	case 126:
		if at = 4; len(b) < at {
			return frame{}, 0, nil
		}
		n = uint64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if at = 10; len(b) < at {
			return frame{}, 0, nil
		}
		n = binary.BigEndian.Uint64(b[2:])
	}
	if n > maxFrame {
		return frame{}, 0, errFrameTooBig
	}
	size = at + int(n)
	if len(b) < size {
		return frame{}, 0, nil
	}
	return frame{opcode(b[0] & 0x0f), b[at:size]}, size, nil
}
