// Package client is a client for Rejoin signaling servers, in both of their dialects (docs/protocol.md).
//
// A Client is one participant in a room. On rejoin.v1, the default, it outlives its connections: when one
// is lost, the client resumes on the next URL, re-sends unconfirmed messages, and receives what it missed, once
// and in order. In the plain dialect it behaves like existing Radix Connect clients: it has one connection or,
// with Config.Reconnect, a new one each time.
//
//	             Dial
//	              │ back-off, next URL                  ┌──────────┐
//	              ▼                                     │          │ goAway: the next connection
//	         connecting ──session frame / 101──► open ──┘          │ opens before this one closes
//	              ▲  │                            │ │
//	back-off      │  │ refused for good           │ │ Close, Detach, Abort; 1002, 1003, 1007,
//	              │  ▼                            │ ▼ 1008, 1009, 4001; plain without Reconnect
//	             lost ◄───────any other end───────┘ ended: Next and Send return the cause
//
// # Receiving
//
// Next returns events in the order in which the server sent them. A message counts as handled once Next has returned
// it or, with Config.ManualAck, once Ack was called with it. Handled messages are acknowledged in batches. An
// unacknowledged message comes again if another process resumes from Position; within the
// life of a Client no message is returned twice.
//
// While Config.Events events wait and none of our messages is unanswered, the client stops reading the connection, and the
// server keeps further messages in the mailbox. Nothing is dropped on this side.
//
// # Sending
//
// Send waits for the server's answer: nil means that the message is stored in the peer's mailbox. Post does not
// wait, and keeps the order of the calls. On rejoin.v1 an unanswered message is re-sent after each resume
// with the same request id and delivered once; in the plain dialect it ends with ErrUnconfirmed.
//
// # Goroutines
//
// A Client has one supervising goroutine and two per connection. All have ended when Close, Detach or
// Abort returns, or when Done is closed.
package client
