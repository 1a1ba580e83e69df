package traffic

import "bytes"

// Kind is what a server's message is about.
type Kind uint8

// The messages of docs/protocol.md, P3, P5, R1, R5 and R6. Refusal stands for all that say "not stored".
const (
	Unknown Kind = iota
	Data
	Confirmation
	Refusal
	PeerIsHere
	PeerLeft
	PeerAway // suspended, or back
	Session
	GoAway
)

const infoAt = len(`{"info":"`)

// KindOf looks at the first field of a message.
func KindOf(b []byte) Kind {
	if len(b) < infoAt || string(b[:infoAt]) != `{"info":"` {
		return Unknown
	}
	name := b[infoAt:]
	end := bytes.IndexByte(name, '"')
	if end < 0 {
		return Unknown
	}
	switch string(name[:end]) {
	case "remoteData":
		return Data
	case "confirmation":
		return Confirmation
	case "missingRemoteClientError", "mailboxFullError", "retryError":
		return Refusal
	case "remoteClientIsAlreadyConnected", "remoteClientJustConnected":
		return PeerIsHere
	case "remoteClientDisconnected":
		return PeerLeft
	case "remoteClientSuspended", "remoteClientResumed":
		return PeerAway
	case "session":
		return Session
	case "goAway":
		return GoAway
	}
	return Unknown
}

const (
	dataHead   = `{"info":"remoteData","data":{"requestId":"`
	confirmed  = `{"info":"confirmation","requestId":"`
	entryField = `","id":"`
)

// DataStamp returns the stamp of a message of kind Data.
func DataStamp(b []byte) (Stamp, bool) {
	if len(b) < len(dataHead) || string(b[:len(dataHead)]) != dataHead {
		return Stamp{}, false
	}
	return ParseStamp(b[len(dataHead):])
}

// ConfirmedStamp returns the stamp of a message of kind Confirmation.
func ConfirmedStamp(b []byte) (Stamp, bool) {
	if len(b) < len(confirmed) || string(b[:len(confirmed)]) != confirmed {
		return Stamp{}, false
	}
	return ParseStamp(b[len(confirmed):])
}

// EntryID returns the entry ID at the end of a message of kind Data in rejoin.v1, nil when there is none.
func EntryID(b []byte) []byte {
	tail := b[max(0, len(b)-64):]
	at := bytes.LastIndex(tail, []byte(entryField))
	if at < 0 || !bytes.HasSuffix(tail, []byte(`"}`)) {
		return nil
	}
	return tail[at+len(entryField) : len(tail)-2]
}

// AppendAck appends the acknowledgement of an entry.
func AppendAck(dst, entry []byte) []byte {
	return append(append(append(dst, `{"method":"ack","id":"`...), entry...), `"}`...)
}

// Field returns the value of the first field of that name: of a string what stands between its quotes, of anything else what comes
// before the next comma or brace. It is nil when there is none. It is for fields whose text cannot stand inside of another's.
func Field(b []byte, name string) []byte {
	for rest := b; ; {
		at := bytes.Index(rest, []byte(name))
		if at < 0 {
			return nil
		}
		value := rest[at+len(name):]
		if at == 0 || rest[at-1] != '"' || !bytes.HasPrefix(value, []byte(`":`)) {
			rest = value
			continue
		}
		value = value[2:]
		stop := ",}"
		if len(value) > 0 && value[0] == '"' {
			value, stop = value[1:], `"`
		}
		if end := bytes.IndexAny(value, stop); end >= 0 {
			return value[:end]
		}
		return nil
	}
}
