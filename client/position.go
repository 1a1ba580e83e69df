package client

import (
	"cmp"
	"strconv"
	"strings"
)

// Position is all that is needed to take up a session again after a restart: keep it, and give it to
// Config.Resume. Token is a secret.
type Position struct {
	// Token is the resume token; empty when there is no session (plain dialect, or before the first).
	Token string
	// After is the id of the last message that was handled; empty when there was none. It is an
	// acknowledgement: what lies behind it comes again, what lies before it is gone.
	After string
}

// entryID orders the messages of one session (rule R2.1).
type entryID struct{ epoch, seq uint64 }

func (id entryID) compare(other entryID) int {
	return cmp.Or(cmp.Compare(id.epoch, other.epoch), cmp.Compare(id.seq, other.seq))
}

func (id entryID) isZero() bool { return id == entryID{} }

func (id entryID) String() string {
	return string(id.append(nil))
}

func (id entryID) append(dst []byte) []byte {
	dst = strconv.AppendUint(dst, id.epoch, 10)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, id.seq, 10)
}

func parseEntryID(s string) (entryID, bool) {
	left, right, found := strings.Cut(s, "-")
	epoch, errEpoch := strconv.ParseUint(left, 10, 64)
	seq, errSeq := strconv.ParseUint(right, 10, 64)
	return entryID{epoch, seq}, found && errEpoch == nil && errSeq == nil
}
