package wire

import (
	"bytes"
	"errors"
)

// Connect is what a client asked for on the request line.
type Connect struct {
	Room   RoomID
	Source Role
	// Peer is the id of a PeerJS client, see package peerjs; "" in the other dialects.
	Peer string
}

// ErrMalformedTarget is returned for a request-target that is no target for a GET at all. The answer is
// HTTP 400.
var ErrMalformedTarget = errors.New("malformed request target")

// RefusedError is returned for a target that is well formed and asks for something that cannot be. The
// answer is a 101 and a close frame with CloseUnsupported and Reason: clients are told why that way only.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return "refuse connect: " + e.Reason }

// The reasons of a RefusedError, in the order in which they are checked.
const (
	ReasonMissingConnectionID = "missing connectionId in path"
	ReasonInvalidRoom         = "invalid room name" // RejoinV1 only
	ReasonMissingTarget       = "missing target"
	ReasonInvalidTarget       = "invalid target"
	ReasonMissingSource       = "missing source"
	ReasonInvalidSource       = "invalid source"
	ReasonSameRole            = "source and target needs to be different" // Plain only
)

// ParseConnect reads an HTTP request-target as it stood on the request line: origin-form or absolute-form
// (RFC 9112 section 3.2). The path is percent-decoded, then its dot segments are removed; the query is read
// as a form (https://url.spec.whatwg.org/#urlencoded-parsing). The error is ErrMalformedTarget or a
// *RefusedError that names the first check that failed.
func ParseConnect(target []byte, dialect Dialect) (Connect, error) {
	t, err := ParseTarget(target, "")
	if err != nil {
		return Connect{}, err
	}
	return t.Connect(dialect)
}

// Connect reads what a client asks for, see ParseConnect. The error is a *RefusedError.
func (t Target) Connect(dialect Dialect) (Connect, error) {
	room, ok := t.Room(dialect)
	if !ok {
		if dialect == RejoinV1 && bytes.HasPrefix(t.Path, []byte(roomsPath)) {
			return Connect{}, &RefusedError{ReasonInvalidRoom}
		}
		return Connect{}, &RefusedError{ReasonMissingConnectionID}
	}
	role, err := t.role(dialect)
	if err != nil {
		return Connect{}, err
	}
	return Connect{Room: roomID(room, role), Source: role}, nil
}

// role reads source and target.
func (t Target) role(dialect Dialect) (Role, error) {
	source, target := firstParam(t.Query, "source"), firstParam(t.Query, "target")
	if dialect == RejoinV1 && len(source) == 0 && len(target) == 0 {
		return Equal, nil
	}
	if err := checkRole(target, dialect, ReasonMissingTarget, ReasonInvalidTarget); err != nil {
		return Role{}, err
	}
	if err := checkRole(source, dialect, ReasonMissingSource, ReasonInvalidSource); err != nil {
		return Role{}, err
	}
	if dialect != RejoinV1 && string(source) == string(target) {
		return Role{}, &RefusedError{ReasonSameRole}
	}
	role, _ := NewRole(string(source), string(target))
	return role, nil
}

func checkRole(name []byte, dialect Dialect, missing, invalid string) error {
	ok := IsRoleName(name)
	if dialect != RejoinV1 {
		_, ok = ParseRole(string(name))
	}
	switch {
	case len(name) == 0:
		return &RefusedError{missing}
	case !ok:
		return &RefusedError{invalid}
	}
	return nil
}

// LastParam returns the decoded value of the last parameter of that name, nil when there is none. A name that is repeated counts for what
// it says last in PeerServer, and in no other dialect.
func (t Target) LastParam(name string) (value []byte) {
	for query := t.Query; len(query) > 0; {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte{'&'})
		if key, text, _ := bytes.Cut(pair, []byte{'='}); string(decodeForm(key)) == name {
			value = decodeForm(text)
		}
	}
	return value
}

// firstParam returns the decoded value of the first parameter of that name, nil when there is none.
func firstParam(query []byte, name string) []byte {
	for len(query) > 0 {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte{'&'})
		key, value, _ := bytes.Cut(pair, []byte{'='})
		if string(decodeForm(key)) == name {
			return decodeForm(value)
		}
	}
	return nil
}
