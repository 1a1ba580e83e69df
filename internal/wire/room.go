package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
)

// RoomID is what a room is called in Redis: 32 bytes. Those of the plain dialect are the 64 hex digits of a connectionId, of
// which upper and lower case are the same room. Those of any other name, or with any other roles, are a hash: see RoomIDs.
type RoomID [32]byte

// ParseRoomID reads exactly 64 hex digits, in either case.
func ParseRoomID[T string | []byte](text T) (RoomID, bool) {
	var id RoomID
	if len(text) != hex.EncodedLen(len(id)) {
		return RoomID{}, false
	}
	for i := range id {
		high, low := hexValue(text[2*i]), hexValue(text[2*i+1])
		if high|low > 0xf {
			return RoomID{}, false
		}
		id[i] = high<<4 | low
	}
	return id, true
}

// AppendText appends 64 lower case hex digits.
func (id RoomID) AppendText(dst []byte) []byte { return hex.AppendEncode(dst, id[:]) }

// String returns 64 lower case hex digits.
func (id RoomID) String() string { return hex.EncodeToString(id[:]) }

const (
	// roomsPath stands before the name of a room.
	roomsPath = "/rooms/"
	// maxRoomName is the greatest length of a room's name.
	maxRoomName = 128
	// hashedRoom stands before what is hashed.
	hashedRoom = "rejoin:room:"
	// hashMark ends a hash. Without it a client could ask for the digits of the hash of any name, and be in that room under a name that its
	// token does not say, or in the plain dialect without a token.
	hashMark = "rejoin:#"
)

// isHash reports whether a room is called so because of its name or its roles.
func (id RoomID) isHash() bool { return string(id[len(id)-len(hashMark):]) == hashMark }

// IsRoomName reports whether text may name a room: 1 to 128 unreserved characters (RFC 3986 section 2.3). "." and ".."
// are none, because no URL can hold them behind a slash.
func IsRoomName[T string | []byte](text T) bool {
	if len(text) == 0 || len(text) > maxRoomName || string(text) == "." || string(text) == ".." {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' && c != '~' {
			return false
		}
	}
	return true
}

// roomID returns where in Redis the clients of a role meet. Wallets and extensions of a room of 64 hex digits meet under these digits, with
// those of earlier versions and of the plain dialect. All others meet under a hash, which such versions never ask for:
// they would take every client other than a wallet for an extension. Digits that end like a hash name a room as any other name does, so that
// no two names are one room. name is IsRoomName.
func roomID(name []byte, role Role) RoomID {
	id, isHex := ParseRoomID(name)
	if isHex && role.IsPlain() && !id.isHash() {
		return id
	}
	var text [len(hashedRoom) + maxRoomName]byte
	n := copy(text[:], hashedRoom)
	if isHex {
		hex.Encode(text[n:], id[:])
	} else {
		copy(text[n:], name)
	}
	return HashRoom(text[:n+len(name)])
}

// HashRoom returns the room that is called after the hash of text. No client can ask for it by its digits: see hashMark. What texts begin
// with tells apart what they are for.
func HashRoom(text []byte) RoomID {
	id := RoomID(sha256.Sum256(text))
	copy(id[len(id)-len(hashMark):], hashMark)
	return id
}

// IsRoom reports whether id is the room of that name, for clients of some role.
func IsRoom(name string, id RoomID) bool {
	if !IsRoomName(name) {
		return false
	}
	return id == roomID([]byte(name), Wallet) || id == roomID([]byte(name), Equal)
}

// RoomIDs returns all that a room may be called in Redis, for an operator who looks at it from outside: two for one of 64 hex digits, the
// second of which is that of clients other than wallets and extensions; one for one of any other name. The first of the two may be
// what a room of another name is called in Redis, so use IsRoom to decide whether a client may enter. It reports false if text does not name a room.
func RoomIDs(text string) ([]RoomID, bool) {
	if !IsRoomName(text) {
		return nil, false
	}
	hashed := roomID([]byte(text), Equal)
	if id, ok := ParseRoomID(text); ok {
		return []RoomID{id, hashed}, true
	}
	return []RoomID{hashed}, true
}

// Room returns the name of the room that a target asks for: 64 hex digits in lower case, or what stands behind /rooms/. A room of
// 64 hex digits may be called either way. It reports false when the path is that of no room. In the plain dialect a room has 64 hex
// digits and nothing before them.
func (t Target) Room(dialect Dialect) (name []byte, ok bool) {
	name, named := bytes.CutPrefix(t.Path, []byte(roomsPath))
	if !named {
		if len(t.Path) == 0 {
			return nil, false
		}
		name = t.Path[1:]
	}
	id, isHex := ParseRoomID(name)
	switch {
	case isHex && (!named || dialect == RejoinV1):
		if bytes.ContainsAny(name, "ABCDEF") {
			name = id.AppendText(nil)
		}
		return name, true
	case named && dialect == RejoinV1 && IsRoomName(name):
		return name, true
	}
	return nil, false
}

// hexValue returns the value of a hex digit, 0xff when c is none.
func hexValue(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}
