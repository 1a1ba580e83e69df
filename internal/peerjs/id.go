package peerjs

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

const (
	// MaxIDBytes and MaxTokenBytes bound what a client calls itself and what it shows for that. PeerServer has no bounds but those of HTTP.
	MaxIDBytes    = 255
	MaxTokenBytes = 8 << 10

	// roomPrefix stands before what is hashed. No name of a room begins so.
	roomPrefix  = "rejoin:peerjs:"
	tokenPrefix = "rejoin:peerjs:token:"
	tokenBytes  = 16
)

// IsID reports whether a client may have that id. The PeerJS client takes letters and digits with single spaces, hyphens and underscores
// between them. PeerServer takes anything, and so does this within MaxIDBytes, but for control characters: other clients may differ.
func IsID(id string) bool {
	return len(id) > 0 && len(id) <= MaxIDBytes && utf8.ValidString(id) && !strings.ContainsFunc(id, unicode.IsControl)
}

// NewID returns an id that no client has.
func NewID() string { return wire.NewClientID().String() }

// RoomOf returns the room of an id: what is stored knows ids only by this hash.
func RoomOf(key, id string) wire.RoomID {
	text := make([]byte, 0, len(roomPrefix)+len(key)+1+MaxIDBytes)
	text = append(append(text, roomPrefix...), key...)
	text = append(append(text, 0), id...) // no key has a zero byte
	return wire.HashRoom(text)
}

// NamePrefix stands before an id where rooms are named: to operators, and in tokens.
const NamePrefix = "peerjs:"

// RoomIDs is wire.RoomIDs, which also knows the room of an id by NamePrefix and the id.
func RoomIDs(key, name string) ([]wire.RoomID, bool) {
	if id, ok := strings.CutPrefix(name, NamePrefix); ok {
		return []wire.RoomID{RoomOf(key, id)}, IsID(id)
	}
	return wire.RoomIDs(name)
}

// ClientOf returns the client ID of the client that has the id of that room: always the same, so a sender need not ask for it.
func ClientOf(room wire.RoomID) (client wire.ClientID) {
	copy(client[:], room[:])
	return client
}

// TokenHash returns what is stored in place of a token: 22 characters of base64url, the first half of a SHA-256. It differs from id to id.
func TokenHash(room wire.RoomID, token string) string {
	text := append(append(make([]byte, 0, len(tokenPrefix)+len(room)+len(token)), tokenPrefix...), room[:]...)
	sum := sha256.Sum256(append(text, token...))
	return base64.RawURLEncoding.EncodeToString(sum[:tokenBytes])
}
