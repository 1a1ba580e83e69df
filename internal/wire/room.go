package wire

import "encoding/hex"

// RoomID names a room: the 32 bytes behind the 64 hex digits of a connectionId. Upper and lower case
// digits are the same room.
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
