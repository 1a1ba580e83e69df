// Package entryid has the ID of a mailbox entry, which Redis, doorbells and the wire protocol all write in the same form.
package entryid

import (
	"cmp"
	"math/bits"
	"strconv"
)

// ID is the ID of an entry of a mailbox, a Redis stream: "<epoch>-<seq>". Epochs rise when a mailbox had to be made anew. Within an
// epoch the sequence is contiguous (XADD <epoch>-*, Redis 7.0), so a reader sees a gap without asking. The zero ID lies before all entries.
type ID struct{ Epoch, Seq uint64 }

// maxLen is the greatest length of an ID as text: twice 20 digits and a hyphen.
const maxLen = 41

// Parse reads "<epoch>-<seq>": two decimal numbers below 2^64, without sign, space or leading zeros.
// What it accepts, AppendText writes back unchanged.
func Parse(text []byte) (ID, bool) {
	epoch, rest, ok := Decimal(text)
	if !ok || len(rest) == 0 || rest[0] != '-' {
		return ID{}, false
	}
	seq, rest, ok := Decimal(rest[1:])
	if !ok || len(rest) != 0 {
		return ID{}, false
	}
	return ID{Epoch: epoch, Seq: seq}, true
}

// Decimal reads the number below 2^64 that text begins with, and returns what follows it. A number with leading zeros is none.
func Decimal(text []byte) (n uint64, rest []byte, ok bool) {
	i := 0
	for ; i < len(text) && '0' <= text[i] && text[i] <= '9'; i++ {
		high, low := bits.Mul64(n, 10)
		sum, carry := bits.Add64(low, uint64(text[i]-'0'), 0)
		if high|carry != 0 {
			return 0, nil, false
		}
		n = sum
	}
	if i == 0 || i > 1 && text[0] == '0' {
		return 0, nil, false
	}
	return n, text[i:], true
}

// AppendText appends "<epoch>-<seq>".
func (id ID) AppendText(dst []byte) []byte {
	dst = strconv.AppendUint(dst, id.Epoch, 10)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, id.Seq, 10)
}

// String returns "<epoch>-<seq>".
func (id ID) String() string {
	var text [maxLen]byte
	return string(id.AppendText(text[:0]))
}

// Compare orders IDs as Redis does: -1, 0 or 1 as id is before, at or after other.
func (id ID) Compare(other ID) int {
	if c := cmp.Compare(id.Epoch, other.Epoch); c != 0 {
		return c
	}
	return cmp.Compare(id.Seq, other.Seq)
}

// IsZero reports whether id is 0-0, which lies before every entry.
func (id ID) IsZero() bool { return id == ID{} }
