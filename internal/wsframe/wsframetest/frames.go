// Package wsframetest has what tests send as WebSocket clients: frames, and a list of what they may do with them. The list is run in
// memory against package wsframe and over sockets against the edge.
package wsframetest

import (
	"bytes"
	"encoding/binary"
)

// First bytes of frames: FIN and the opcode.
const (
	Text, Binary, Last         = 0x81, 0x82, 0x80
	TextPart, BinaryPart, Part = 0x01, 0x02, 0x00
	CloseFrame, Ping, Pong     = 0x88, 0x89, 0x8a
)

// Frame is a masked frame, as clients send them.
func Frame(first byte, payload []byte) []byte {
	mask := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, mask[:]...)
	for i, p := range payload {
		b = append(b, p^mask[i%4])
	}
	return b
}

// CloseBody is the payload of a close frame.
func CloseBody(code uint16, reason string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, code), reason...)
}

// Join concatenates frames.
func Join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
