// Package client speaks to a Rejoin signaling server, in both of its dialects (docs/protocol.md).
//
// A Client is one participant of a room. On rejoin.v1, the default, it outlives its connections: when one
// is lost it resumes on the next URL, re-sends what was not confirmed, and receives what it missed, once
// and in order. In the plain dialect it is what the existing Radix Connect clients are: one connection, or,
// with Config.Reconnect, a new one each time.
//
//	             Dial
//	              │ back-off, next URL                  ┌──────────┐
//	              ▼                                     │          │ goAway: the next connection
//	         connecting ──session frame / 101──► open ──┘          │ is opened before this one is let go
//	              ▲  │                            │ │
//	back-off      │  │ refused for good           │ │ Close, Detach, Abort; 1002, 1003, 1007,
//	              │  ▼                            │ ▼ 1008, 1009, 4001; plain without Reconnect
//	             lost ◄───────any other end───────┘ ended: Next and Send return the cause
//
// # Receiving
//
// Next hands out events in the order the server sent them. A message counts as handled when Next has returned
// it, or, with Config.ManualAck, when Ack was called with it; handled messages are acknowledged in batches. A
// message that is not acknowledged comes again to whoever resumes from Position after a restart; within the
// life of a Client no message is handed out twice.
//
// While Config.Events events wait and no message of ours awaits its answer, the connection is not read: the
// server then keeps what is to come in the mailbox. Nothing is dropped on this side.
//
// # Sending
//
// Send waits for the server's answer: nil means that the message is stored in the peer's mailbox. Post does not
// wait, and keeps the order of the calls. On rejoin.v1 a message without an answer is re-sent after each resume,
// with the same request id, and is delivered once; in the plain dialect it ends with ErrUnconfirmed.
//
// # Goroutines
//
// A Client has one goroutine that supervises and two per connection. All have ended when Close, Detach or
// Abort returns, and none is left after the Client has ended by itself.
package client
