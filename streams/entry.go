package streams

import (
	"fmt"
	"strconv"
	"strings"
)

// EntryID is the ID of an entry of a mailbox: "<epoch>-<seq>". Within an epoch the sequence is contiguous
// (XADD <epoch>-*, Redis 7.0), so a reader sees a hole without asking. The zero EntryID lies before all entries.
type EntryID struct{ Epoch, Seq uint64 }

// Compare orders entry IDs as Redis does.
func (id EntryID) Compare(o EntryID) int {
	switch {
	case id == o:
		return 0
	case id.Epoch < o.Epoch || id.Epoch == o.Epoch && id.Seq < o.Seq:
		return -1
	}
	return 1
}

// IsZero reports whether id is the position before all entries.
func (id EntryID) IsZero() bool { return id == EntryID{} }

// AppendText appends "<epoch>-<seq>".
func (id EntryID) AppendText(dst []byte) []byte {
	dst = strconv.AppendUint(dst, id.Epoch, 10)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, id.Seq, 10)
}

func (id EntryID) String() string { return string(id.AppendText(nil)) }

func parseEntryID(s string) (EntryID, error) {
	ms, seq, ok := strings.Cut(s, "-")
	if !ok {
		return EntryID{}, fmt.Errorf("parse entry ID %q", s)
	}
	e, err := strconv.ParseUint(ms, 10, 64)
	if err != nil {
		return EntryID{}, fmt.Errorf("parse entry ID %q: %w", s, err)
	}
	n, err := strconv.ParseUint(seq, 10, 64)
	if err != nil {
		return EntryID{}, fmt.Errorf("parse entry ID %q: %w", s, err)
	}
	return EntryID{e, n}, nil
}

// Entry is one message of a mailbox.
type Entry struct {
	ID    EntryID
	Body  Body
	Trace string // see Message
}
