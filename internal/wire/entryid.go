package wire

import (
	"cmp"
	"math/bits"
	"strconv"
)

// EntryID is the place of a message in a mailbox. Epochs rise when a mailbox had to be made anew; within one,
// Seq counts up without gaps. The text form "<epoch>-<seq>" is that of a Redis stream entry.
type EntryID struct{ Epoch, Seq uint64 }

// entryIDLen is the greatest length of an EntryID as text: twice 20 digits and a hyphen.
const entryIDLen = 41

// ParseEntryID reads "<epoch>-<seq>": two decimal numbers below 2^64, without sign, space or leading zeros.
// What it accepts, AppendText writes back unchanged.
func ParseEntryID(text []byte) (EntryID, bool) {
	epoch, rest, ok := parseDecimal(text)
	if !ok || len(rest) == 0 || rest[0] != '-' {
		return EntryID{}, false
	}
	seq, rest, ok := parseDecimal(rest[1:])
	if !ok || len(rest) != 0 {
		return EntryID{}, false
	}
	return EntryID{Epoch: epoch, Seq: seq}, true
}

// parseDecimal reads the digits that text begins with and returns what stands behind them.
func parseDecimal(text []byte) (n uint64, rest []byte, ok bool) {
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
func (id EntryID) AppendText(dst []byte) []byte {
	dst = strconv.AppendUint(dst, id.Epoch, 10)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, id.Seq, 10)
}

// String returns "<epoch>-<seq>".
func (id EntryID) String() string {
	var text [entryIDLen]byte
	return string(id.AppendText(text[:0]))
}

// Compare returns -1, 0 or 1 as id stands before, at or behind other in a mailbox.
func (id EntryID) Compare(other EntryID) int {
	if c := cmp.Compare(id.Epoch, other.Epoch); c != 0 {
		return c
	}
	return cmp.Compare(id.Seq, other.Seq)
}

// IsZero reports whether id is 0-0, which stands before every entry.
func (id EntryID) IsZero() bool { return id == EntryID{} }
