package edge

import (
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// Hub takes the connections that the edge has upgraded. Its methods are called on the loops, concurrently, and never block.
type Hub interface {
	// Ready reports why no connection to a room can be accepted now; nil if it can. Clients get 503 otherwise.
	Ready(room wire.RoomID) error
	// Peers lists the PeerJS ids connected to any instance. done is called once, on any goroutine, after Peers has returned.
	Peers(done func(ids []string, err error))
	// Open is called once the 101 is on its way. Conn may be used at once, and kept forever.
	Open(conn signaling.Conn, connect wire.Connect, offer wire.Offer) Session
}

// Session is what a Hub makes of one connection. Its methods are called by one loop, one at a time and in the order of the socket, and
// never block.
type Session interface {
	// Message is one whole data message, valid UTF-8 if it was text. payload is valid during the call only. Messages may follow
	// Conn.SendAway, until the client has closed too.
	Message(payload []byte)
	// Pong is the application data of a pong, valid during the call only.
	Pong(data []byte)
	// Closed is the last call, made exactly once.
	Closed(end signaling.Closure)
}
