package suite

import (
	"fmt"
	"strings"
)

// kinds of data messages, in the order in which the list has them.
var kinds = []struct {
	name string
	op   byte
	unit string
}{{"text", opText, "*"}, {"binary", opBinary, "\xfe"}}

// limits is section 9, scaled to messages of 64 KiB at most. The messages that follow each other are a
// hundred, not a thousand.
func limits() []Case {
	large := 64 << 10
	var sizes, pieces, chops, turns [2][]Case
	for i, kind := range kinds {
		message := strings.Repeat(kind.unit, large)
		for j := range 6 {
			n := 2 << 10 << j
			sizes[i] = append(sizes[i], good(fmt.Sprintf("9.%d.%d", 1+i, j+1), fmt.Sprintf("%s of %d", kind.name, n), list(send(kind.op, message[:n])), echoes(message[:n])...))
			n = 64 << j
			chops[i] = append(chops[i], good("", fmt.Sprintf("%s of %d", kind.name, large), list(send(kind.op, message)), echoes(message)...).
				chopped(fmt.Sprintf("9.%d.%d", 5+i, j+1), fmt.Sprintf("%d bytes a write", n), n))
		}
		for j, n := range []int{64, 128, 256, 512, 1 << 10, 4 << 10, 16 << 10, 32 << 10, 64 << 10} {
			pieces[i] = append(pieces[i], good(fmt.Sprintf("9.%d.%d", 3+i, j+1), fmt.Sprintf("%s of %d in fragments of %d", kind.name, large, n),
				inFragments(kind.op, message, n), echoes(message)...))
		}
		for j, n := range []int{0, 16, 64, 256, 1024, 4096} {
			turns[i] = append(turns[i], inTurn(fmt.Sprintf("9.%d.%d", 7+i, j+1), kind.name, kind.op, message[:n]))
		}
	}
	var cases []Case
	for _, group := range [][2][]Case{sizes, pieces, chops, turns} {
		cases = append(append(cases, group[0]...), group[1]...)
	}
	return cases
}

// inTurn sends a message a hundred times, each when the one before is answered.
func inTurn(id, name string, op byte, message string) Case {
	c := good(id, fmt.Sprintf("100 × %s of %d, one after the other", name, len(message)), nil)
	for range 100 {
		c.frames, c.want = append(c.frames, send(op, message)), append(c.want, reply{echo, message})
	}
	c.inTurn = true
	return c
}
