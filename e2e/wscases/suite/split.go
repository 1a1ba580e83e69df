package suite

import "math/rand/v2"

// split is a way to cut what is sent into the pieces that are written one by one.
type split string

const (
	whole    split = "whole" // or in the pieces that the case asks for
	bytewise split = "byte by byte"
	randomly split = "random pieces"
)

var splits = []split{whole, bytewise, randomly}

// Above manyBytes only headers are sent byte by byte, and payloads in pieces of pieceBytes: a write each for
// 64 KiB proves no more and takes its time.
const (
	manyBytes  = 4 << 10
	pieceBytes = 997
)

// pieces cuts the frames of c. Each result is one write.
func (c *Case) pieces(frames []frame, how split, peer string, random *rand.Rand) [][]byte {
	var stream []byte
	var pieces [][]byte
	for _, f := range frames {
		header, payload := f.encode(peer, random)
		if how == bytewise {
			n := 1
			if c.size() > manyBytes {
				n = pieceBytes
			}
			pieces = append(pieces, cut(header, 1)...)
			pieces = append(pieces, cut(payload, n)...)
			continue
		}
		stream = append(append(stream, header...), payload...)
	}
	switch {
	case how == randomly:
		for most := 9 + len(stream)/20; len(stream) > 0; {
			n := min(len(stream), 1+random.IntN(most))
			pieces, stream = append(pieces, stream[:n]), stream[n:]
		}
	case how == whole && c.chop > 0:
		pieces = append(pieces, cut(stream, c.chop)...)
	case how == whole:
		pieces = [][]byte{stream}
	}
	return pieces
}

func cut(b []byte, n int) [][]byte {
	var pieces [][]byte
	for len(b) > 0 {
		n := min(n, len(b))
		pieces, b = append(pieces, b[:n]), b[n:]
	}
	return pieces
}
