package signaling

import "github.com/rejoin-dev/rejoin/internal/wire"

// Conn is the socket of a session as this package sees it; internal/edge implements it.
//
// All methods are safe for concurrent use, never block, never call back into this package
// before they return, and copy what they are given. After the connection has ended they do nothing.
// What is queued through one Conn leaves in the order of the calls.
type Conn interface {
	// Deliver queues one text frame that came from the mailbox and, unless ping is empty, a ping frame
	// with that data behind it. It reports false, and queues nothing, while more than the connection's
	// output bound is waiting: the message stays in the mailbox and is read again when the client has caught up.
	Deliver(payload, ping []byte) bool
	// Send queues one text frame that exists nowhere else (an answer, an announcement).
	// A connection whose queue has grown past twice its bound is closed as lost instead.
	Send(payload []byte)
	// Ping queues a ping frame; data is at most 125 bytes (RFC 6455 section 5.5).
	Ping(data []byte)
	// Close queues a close frame and closes the connection once it is written
	// (RFC 6455 section 7). The first Close wins. Session.Closed still follows, with EndLocal.
	Close(code wire.CloseCode, reason string)
}

// End says how a connection ended, for Session.Closed.
type End struct {
	Kind EndKind
	// Code is the client's close code when Kind is EndClient; 1005 when the frame carried none.
	Code wire.CloseCode
}

// EndKind tells who ended a connection.
type EndKind uint8

const (
	// EndLost: no close frame arrived: a reset, an end of file, a deadline, a stalled reader.
	EndLost EndKind = iota
	// EndClient: the client sent a close frame.
	EndClient
	// EndLocal: this side closed through Conn.Close.
	EndLocal
	// EndPolicy: the edge closed for cause (protocol error, rate, size, UTF-8).
	EndPolicy
)
