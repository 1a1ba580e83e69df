package streams

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// BellKind says what a doorbell announces.
type BellKind byte

const (
	// BellData: a message was stored in the mailbox of Client.
	BellData BellKind = 'd'
	// BellJoined: Client became a member of the room.
	BellJoined BellKind = 'j'
	// BellResumed: Client is live again, on another connection.
	BellResumed BellKind = 'r'
	// BellSuspended: Client lost its connection; Left is the rest of its window.
	BellSuspended BellKind = 's'
	// BellLeft: the session of Client ended.
	BellLeft BellKind = 'l'
	// BellFenced: the session of Client, until now held here as Session, has another connection.
	BellFenced BellKind = 'f'
	// BellOverdue: the TTL of messages sent by Client is over. Undelivered lists them with their receivers.
	BellOverdue BellKind = 'u'
	// BellRemoved: the session of Client, until now held here as Session, was ended by the operator.
	BellRemoved BellKind = 'k'
	// BellProbe: ReplyTo asks whether the connection of Client is alive.
	BellProbe BellKind = 'p'
	// BellAlive: the answer to the probe Nonce: the connection of Client is alive.
	BellAlive BellKind = 'q'
)

// Bell is one doorbell: a script's notice to an instance. Its strings share the received payload.
type Bell struct {
	Kind   BellKind
	Room   string
	Client string

	// BellData. Body is empty when the message is too large to be carried: read the mailbox.
	ID    EntryID
	Body  Body
	Trace string // of a traced message; see Message

	// All kinds but BellData and BellAlive: the member Client as it is now.
	Role     string // see MemberState
	Dialect  byte
	Keep     bool
	Session  string
	Instance string

	User        string        // BellJoined, BellResumed: see Attach
	Version     uint64        // of the room, rising: BellJoined, BellResumed, BellSuspended, BellLeft
	Left        time.Duration // BellSuspended
	WindowOver  bool          // BellLeft: its grace window ended; it did not leave by itself
	Undelivered []Undelivered // BellLeft, BellOverdue

	ReplyTo, Nonce string // BellProbe; BellAlive has the Nonce
}

const (
	roomLen  = 64
	nonceLen = 16
	// bellTraced is the wire form of a BellData with a trace.
	bellTraced BellKind = 't'
)

var errBell = errors.New("malformed doorbell")

// parseBell reads the output of encodeBell in lua/lib.lua, and of lua/send.lua.
func parseBell(s string, b *Bell) error {
	*b = Bell{}
	if s == "" {
		return errBell
	}
	b.Kind = BellKind(s[0])
	if b.Kind == BellAlive {
		if len(s) != 1+nonceLen+clientLen {
			return errBell
		}
		b.Nonce, b.Client = s[1:1+nonceLen], s[1+nonceLen:]
		return nil
	}
	if len(s) < 1+roomLen {
		return errBell
	}
	b.Room, s = s[1:1+roomLen], s[1+roomLen:]
	switch b.Kind {
	case BellData:
		return b.parseData(s)
	case bellTraced:
		b.Kind = BellData
		return b.parseTraced(s)
	}
	return b.parseMember(s)
}

func (b *Bell) parseData(s string) error {
	if len(s) < clientLen {
		return errBell
	}
	b.Client = s[:clientLen]
	id, body, ok := strings.Cut(s[clientLen:], " ")
	if !ok {
		return errBell
	}
	var err error
	b.ID, err = parseEntryID(id)
	b.Body = Body(body)
	if err == nil && body != "" && !b.Body.Valid() {
		err = errBody
	}
	return err
}

// parseTraced reads <client><entry ID> <trace> <body>.
func (b *Bell) parseTraced(s string) error {
	if len(s) < clientLen {
		return errBell
	}
	head, rest, ok := strings.Cut(s[clientLen:], " ")
	trace, _, ok2 := strings.Cut(rest, " ")
	if !ok || !ok2 {
		return errBell
	}
	b.Trace = trace
	return b.parseData(s[:clientLen] + head + rest[len(trace):])
}

func (b *Bell) parseMember(s string) error {
	head, list, _ := strings.Cut(s, "\n")
	w := strings.Split(strings.TrimPrefix(head, " "), " ")
	if len(w) < 6 || w[1] == "" || len(w[2]) != 1 {
		return errBell
	}
	b.Client, b.Role, b.Dialect, b.Keep, b.Session, b.Instance = w[0], w[1], w[2][0], w[3] == "1", w[4], w[5]
	w = w[6:]
	switch b.Kind {
	case BellFenced, BellRemoved:
		return nil
	case BellOverdue:
		var err error
		b.Undelivered, err = parseUndelivered(list)
		return err
	case BellProbe:
		if len(w) != 2 {
			return errBell
		}
		b.ReplyTo, b.Nonce = w[0], w[1]
		return nil
	case BellJoined, BellResumed, BellSuspended, BellLeft:
		return b.parsePresence(w, list)
	}
	return errBell
}

func (b *Bell) parsePresence(w []string, list string) error {
	if len(w) < 1 {
		return errBell
	}
	var err error
	if b.Version, err = strconv.ParseUint(w[0], 10, 64); err != nil {
		return errBell
	}
	switch b.Kind {
	case BellJoined, BellResumed:
		if len(w) > 1 {
			b.User = userOf(w[1])
		}
	case BellSuspended:
		if len(w) != 2 {
			return errBell
		}
		ms, err := strconv.ParseInt(w[1], 10, 64)
		b.Left = time.Duration(ms) * time.Millisecond
		return err
	case BellLeft:
		if len(w) != 2 {
			return errBell
		}
		b.WindowOver = w[1] == "w"
		b.Undelivered, err = parseUndelivered(list)
	}
	return err
}
