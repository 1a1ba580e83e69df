package peerjs

import (
	"strings"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// Config is where PeerJS clients find their server, and what they have to know. The zero value is for a server that has none.
type Config struct {
	// Path is what their option path says, with a slash at both ends; "" for a server that has no PeerJS clients.
	Path string
	// Key is what their option key says.
	Key string
	// Discovery lets every client with the key read the list of ids.
	Discovery bool
}

// DefaultKey is the key of clients that name none.
const DefaultKey = "peerjs"

// ParsePath returns a path as Config has it. It reports false if clients could not ask for it, or if it would stand in front of paths that
// are rooms, or others of this server.
func ParsePath(text string) (path string, ok bool) {
	base, ok := wire.ParseBase(text)
	if !ok {
		return "", false
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(base, "/"), "/")
	_, isRoom := wire.ParseRoomID(first)
	return base + "/", first != "rooms" && first != "health" && !isRoom
}

// IsKey reports whether text may be a key: it is one segment of a path, and a parameter that clients do not encode.
func IsKey(text string) bool {
	return wire.IsRoomName(text)
}

// Route is what a path asks for.
type Route uint8

// The routes.
const (
	None   Route = iota // it is not for PeerJS
	Socket              // the WebSocket
	About               // what this is
	ID                  // a new id
	Peers               // the list of ids
)

// Route tells what a target asks for.
func (c *Config) Route(t wire.Target) Route {
	if c.Path == "" {
		return None
	}
	path := string(t.Path)
	if path+"/" == c.Path {
		path = c.Path
	}
	rest, ok := strings.CutPrefix(path, c.Path)
	if !ok {
		return None
	}
	if _, isRoom := t.Room(wire.RejoinV1); isRoom {
		return None
	}
	if rest == "peerjs" {
		return Socket
	}
	key, what, _ := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	switch {
	case rest == "":
		return About
	case key != "" && what == "id":
		return ID
	case key != "" && what == "peers":
		return Peers
	}
	return None
}

// Hello is what a client says of itself when it connects.
type Hello struct {
	ID, Token string
	Room      wire.RoomID
}

// Hello reads the query of a Socket. refused is what its client is told if it cannot be taken, "" if it can.
func (c *Config) Hello(t wire.Target) (h Hello, refused string) {
	id, token, key := param(t, "id"), param(t, "token"), param(t, "key")
	switch {
	case !IsID(id), token == "", len(token) > MaxTokenBytes, key == "":
		return Hello{}, BadParameters
	case key != c.Key:
		return Hello{}, BadKey
	}
	return Hello{ID: id, Token: token, Room: RoomOf(c.Key, id)}, ""
}

// param is a parameter as URLSearchParams has it: UTF-8, whatever was sent.
func param(t wire.Target, name string) string {
	return strings.ToValidUTF8(string(t.LastParam(name)), "\uFFFD")
}
