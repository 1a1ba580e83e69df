package wire

import "github.com/rejoin-dev/rejoin/streams/entryid"

// EntryID is the place of a message in a mailbox.
type EntryID = entryid.ID

// ParseEntryID reads the text of an EntryID, and nothing that only resembles one.
func ParseEntryID(text []byte) (EntryID, bool) { return entryid.Parse(text) }
