package client

import (
	"cmp"
	"strconv"
	"strings"
)

// Position is all you need to continue a session after a restart: store it, and pass it to
// Config.Resume. Token is a secret.
type Position struct {
	// Token is the resume token; empty if there is no session (plain dialect, or before the first one).
	Token string
	// After is the id of the last handled message; empty if there was none. It acts as an
	// acknowledgement: later messages come again, earlier ones are gone.
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
