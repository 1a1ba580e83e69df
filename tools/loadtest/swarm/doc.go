// Package swarm is thousands of WebSocket clients on one thread, for generating load.
//
//	         EINPROGRESS        writable         101          close frame, error, Close, Reset
//	Dial ──► connecting ──────► upgrading ─────► open ──────► closed
//	             │                  └── any other answer ────►  ▲
//	             └── refused, reset ───────────────────────────┘
//
// A [Loop] is an epoll instance, one read buffer, and a table of connections. It must cost far less than the server
// under test, which shares the machine with it: no goroutine or buffer per connection, no allocation per message,
// one read and at most one write per event. So it takes shortcuts that a client in the field must not take: the
// key of a handshake and the mask of a frame never change, and a fragmented message is an error, because
// no server under test sends one. Linux only.
package swarm
