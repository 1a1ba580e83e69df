package wire

import (
	"bytes"
	"errors"
)

// Connect is what a client asked for on the request line.
type Connect struct {
	Room   RoomID
	Source Role
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
	ReasonMissingTarget       = "missing target"
	ReasonInvalidTarget       = "invalid target"
	ReasonMissingSource       = "missing source"
	ReasonInvalidSource       = "invalid source"
	ReasonSameRole            = "source and target needs to be different"
)

// ParseConnect reads an HTTP request-target as it stood on the request line: origin-form or absolute-form
// (RFC 9112 section 3.2). The path is percent-decoded, then its dot segments are removed; the query is read
// as a form (https://url.spec.whatwg.org/#urlencoded-parsing). The error is ErrMalformedTarget or a
// *RefusedError that names the first check that failed.
func ParseConnect(target []byte) (Connect, error) {
	t, err := ParseTarget(target, "")
	if err != nil {
		return Connect{}, err
	}
	return t.Connect()
}

// Connect reads what a client asks for, see ParseConnect. The error is a *RefusedError.
func (t Target) Connect() (Connect, error) {
	query := t.Query
	room, ok := roomOfPath(t.Path)
	if !ok {
		return Connect{}, &RefusedError{ReasonMissingConnectionID}
	}
	opposite, err := parseRoleParam(query, "target", ReasonMissingTarget, ReasonInvalidTarget)
	if err != nil {
		return Connect{}, err
	}
	source, err := parseRoleParam(query, "source", ReasonMissingSource, ReasonInvalidSource)
	if err != nil {
		return Connect{}, err
	}
	if source == opposite {
		return Connect{}, &RefusedError{ReasonSameRole}
	}
	return Connect{Room: room, Source: source}, nil
}

// roomOfPath returns the room of a path without dot segments that is a slash and a RoomID.
func roomOfPath(path []byte) (RoomID, bool) {
	if len(path) == 0 {
		return RoomID{}, false
	}
	return ParseRoomID(path[1:])
}

// parseRoleParam returns the role that the first parameter of that name holds.
func parseRoleParam(query []byte, name, missing, invalid string) (Role, error) {
	value := firstParam(query, name)
	if len(value) == 0 {
		return 0, &RefusedError{missing}
	}
	role, ok := ParseRole(string(value))
	if !ok {
		return 0, &RefusedError{invalid}
	}
	return role, nil
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
