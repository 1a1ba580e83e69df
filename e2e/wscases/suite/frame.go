package suite

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
)

// First bytes of frames (RFC 6455 section 5.2): FIN and opcode.
const (
	opText, opBinary, opClose, opPing, opPong = 0x81, 0x82, 0x88, 0x89, 0x8a
	opLast                                    = 0x80 // a continuation, the last
	opMore                                    = 0x00 // a continuation, more follow
	textPart, binaryPart                      = 0x01, 0x02
	rsv1, rsv2, rsv3                          = 0x40, 0x20, 0x10
)

// peerMark stands for the client ID of the peer.
const peerMark = "{peer}"

// frame is one frame of the client's.
type frame struct {
	first   byte
	payload string // peerMark is replaced
	mask    maskKind
	length  int    // bytes of an extended length that is longer than needed: 2 or 8
	raw     string // if not empty: this and nothing else
}

type maskKind uint8

const (
	anyMask maskKind = iota
	zeroMask
	noMask
)

func list(frames ...frame) []frame               { return frames }
func send(first byte, payload string) frame      { return frame{first: first, payload: payload} }
func text(payload string) frame                  { return send(opText, payload) }
func bin(payload string) frame                   { return send(opBinary, payload) }
func ping(payload string) frame                  { return send(opPing, payload) }
func closeWith(code uint16, reason string) frame { return send(opClose, closeBody(code, reason)) }

func closeBody(code uint16, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, code)) + reason
}

// encode returns the frame as it is sent.
func (f frame) encode(peer string, random *rand.Rand) (header, payload []byte) {
	if f.raw != "" {
		return []byte(f.raw), nil
	}
	payload = []byte(strings.ReplaceAll(f.payload, peerMark, peer))
	header = append(header, f.first)
	masked := byte(0x80)
	if f.mask == noMask {
		masked = 0
	}
	switch n := len(payload); {
	case f.length == 8 || f.length == 0 && n >= 1<<16:
		header = binary.BigEndian.AppendUint64(append(header, masked|127), uint64(n))
	case f.length == 2 || n >= 126:
		header = binary.BigEndian.AppendUint16(append(header, masked|126), uint16(n))
	default:
		header = append(header, masked|byte(n))
	}
	if f.mask == noMask {
		return header, payload
	}
	var mask [4]byte
	if f.mask == anyMask {
		binary.BigEndian.PutUint32(mask[:], random.Uint32())
	}
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return append(header, mask[:]...), payload
}

// inFragments returns one message in fragments of n bytes.
func inFragments(op byte, message string, n int) []frame {
	var frames []frame
	for first := op &^ 0x80; ; first = opMore {
		if len(message) <= n {
			return append(frames, send(first|0x80, message))
		}
		frames = append(frames, send(first, message[:n]))
		message = message[n:]
	}
}
