package wire

import (
	"crypto/rand"
	"encoding/hex"
)

// ClientID names a client, from its first connection until its session ends. It is a version 4 UUID
// (RFC 9562 section 5.4) that the server draws.
type ClientID [16]byte

// clientIDLen is the length of a ClientID as text: 32 hex digits and 4 hyphens.
const clientIDLen = 36

// NewClientID draws an ID from the system's random source. It is safe for concurrent use.
func NewClientID() ClientID {
	var id ClientID
	_, _ = rand.Read(id[:]) // never returns an error: it ends the process when there is no randomness
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// ParseClientID reads the 36 character form, hex digits in either case. Version and variant are not
// looked at: whether a client exists is for the room to say.
func ParseClientID(text []byte) (ClientID, bool) {
	if len(text) != clientIDLen {
		return ClientID{}, false
	}
	var id ClientID
	at := 0
	for i := range id {
		if isGroupStart(i) {
			if text[at] != '-' {
				return ClientID{}, false
			}
			at++
		}
		high, low := hexValue(text[at]), hexValue(text[at+1])
		if high|low > 0xf {
			return ClientID{}, false
		}
		id[i] = high<<4 | low
		at += 2
	}
	return id, true
}

// AppendText appends the 36 character form in lower case.
func (id ClientID) AppendText(dst []byte) []byte {
	dst = hex.AppendEncode(dst, id[0:4])
	for at := 4; at < 10; at += 2 {
		dst = append(dst, '-')
		dst = hex.AppendEncode(dst, id[at:at+2])
	}
	dst = append(dst, '-')
	return hex.AppendEncode(dst, id[10:16])
}

// String returns the 36 character form in lower case.
func (id ClientID) String() string {
	var text [clientIDLen]byte
	return string(id.AppendText(text[:0]))
}

// IsZero reports whether id is the zero value, which names nobody.
func (id ClientID) IsZero() bool { return id == ClientID{} }

// isGroupStart reports whether a hyphen stands before byte i of a UUID.
func isGroupStart(i int) bool { return i == 4 || i == 6 || i == 8 || i == 10 }
