package streams

import (
	"fmt"

	"github.com/rejoin-dev/rejoin/streams/entryid"
)

// EntryID is the ID of an entry of a mailbox.
type EntryID = entryid.ID

func parseEntryID(s string) (EntryID, error) {
	id, ok := entryid.Parse([]byte(s))
	if !ok {
		return EntryID{}, fmt.Errorf("parse entry ID %q", s)
	}
	return id, nil
}

// Entry is one message of a mailbox.
type Entry struct {
	ID    EntryID
	Body  Body
	Trace string // see Message
}
