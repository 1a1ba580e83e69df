package signaling

import "github.com/rejoin-dev/rejoin/internal/wire"

// Conn is the socket of an Attachment as this package sees it; internal/edge implements it.
//
// All methods are safe for concurrent use, never block, never call back into this package before they return, and copy what they are given.
// Once the connection is closed they do nothing. The output of one Conn is written in the order of the calls.
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
	// Close queues a close frame and closes the connection once it is written (RFC 6455 section 7). The first Close or SendAway wins. Later
	// input from the client is discarded. Attachment.Closed still follows, with ClosedByServer.
	Close(code wire.CloseCode, reason string)
	// SendAway is Close for a client that has done nothing wrong and should come back: messages it sent before it read the close frame are
	// still handed to the Attachment, for a bounded time. Attachment.Closed follows once the client has closed too, with SentAway.
	SendAway(code wire.CloseCode, reason string)
}

// Closure says how a connection was closed, for Attachment.Closed.
type Closure struct {
	By ClosedBy
	// Code is the client's close code when By is ClosedByClient; 1005 when the frame carried none.
	Code wire.CloseCode
}

// ClosedBy says which side closed a connection.
type ClosedBy uint8

const (
	// ClosedByLoss: no close frame arrived: a reset, an end of file, a deadline, a stalled reader.
	ClosedByLoss ClosedBy = iota
	// ClosedByClient: the client sent a close frame.
	ClosedByClient
	// ClosedByServer: this side closed through Conn.Close.
	ClosedByServer
	// SentAway: this side closed through Conn.SendAway.
	SentAway
	// ClosedForCause: the edge closed for cause (protocol error, rate, size, UTF-8).
	ClosedForCause
)
