package wsframe

import "github.com/rejoin-dev/rejoin/internal/wire"

// Kind tells events apart.
type Kind uint8

const (
	// Drained means that all bytes have been used up: read more.
	Drained Kind = iota
	// Incomplete means that the bytes end inside a frame or a message, and that the reader has no [Partial] to keep them in: lend it
	// one with [Reader.Lend] and go on.
	Incomplete
	// Frame announces a data frame whose header has been checked, before its payload. This is where a caller counts frames.
	Frame
	// Message is a whole data message in Payload; if it was text, it is valid UTF-8.
	Message
	// Ping is a ping with its application data in Payload.
	Ping
	// Pong is a pong with its application data in Payload.
	Pong
	// Close is a close frame with its code in Code, CloseNoStatus if it had none.
	Close
	// Violation means that the client broke a rule: close with Code and Reason. Nothing may be read after it.
	Violation
)

// Event is what [Reader.Next] has found. Payload is valid until the next call.
type Event struct {
	Kind    Kind
	Payload []byte
	Code    wire.CloseCode
	Reason  string
}

// Reasons of close frames that only this package gives; the others are in package wire.
const (
	reasonBadLength    = "frame length not minimal"
	reasonBadCloseBody = "invalid close frame"
)

func violation(code wire.CloseCode, reason string) Event {
	return Event{Kind: Violation, Code: code, Reason: reason}
}
