// Package edge is the WebSocket edge of Rejoin (RFC 6455) on an event loop: it accepts sockets, answers requests that are not WebSocket
// upgrades, checks frames, and hands whole messages to a [Hub]. It knows rooms only as something that package wire parses and the
// hub opens.
//
// A connection is owned by one loop. Everything that comes from the socket runs there, in order and without
// locks; everything that goes to the socket, from whatever goroutine, is appended to the inbox of that loop
// and written there. An idle connection costs one small struct here: what is needed only now and then (a head
// that is being read, half a message, a deadline) is in a second struct that exists only meanwhile.
//
//	          head complete, 101 sent             close frame written
//	accept ──► head ────────────────► open ─────────────────────────────► closing ──► dead
//	             │                     │  Hub.Open … Session.Closed          ▲          ▲
//	             │                     └─ reset, end of file, silence, ──────┼──────────┤
//	             │                        stalled reader: lost               │          │
//	             ├─ no upgrade: HTTP answer ─────────────────────────────────┘          │
//	             └─ end of file, nothing sent in time, gave way ────────────────────────┘
//
// In closing, the write side is shut down once everything is flushed, and what still comes in is thrown away
// until the client closes too or a deadline passes: closing a socket with unread data resets it, and the
// reset would eat the close frame.
//
// The loops are our own on Linux, where servers run: epoll, waited for in the runtime's poller. Elsewhere, and with the build tag
// gnet, they are gnet's. Measured with 15,000 idle connections, gnet costs 400 bytes more for each; at saturation its loops, which
// block a thread each, cost a third more processor time for a message. events.go is the seam.
//
// One sweep per loop does all that depends on time. Each tick it looks at the connections of one slot of its
// table, so that pings are spread, and at those that have a deadline. No connection has a timer, a goroutine
// or a buffer of its own.
//
// # Who owns what, and the order of locks
//
//	the loop, without a lock     conn: socket, session, work, marks, rate, state, place in the sweep's table
//	                             loop: table, works, crowd, behind, the batch that is being written
//	inbox.mu, one a loop         the batch that is being filled, armed, through; conn: end, and closed when it is set
//	addresses.mu, one a server   connections by address
//	atomics                      conn.waiting, conn.closed to read; Server: sockets, upgraded, loops; the budget of buffers
//
// A hub's locks come before the inbox's: sessions queue while they hold theirs. So nothing that holds an inbox calls a hub or a session, and
// no two inboxes are held together; addresses.mu is held with no other. Session methods are called on the loop and hold nothing of
// the edge.
//
// A connection ends in one order: it is sealed under its inbox, so that nobody queues or writes any more; the session hears of it; the
// descriptor is closed. A producer that writes to a descriptor by itself does so under the inbox, so it never writes to one that
// has been given back.
//
// The goroutine of the engine has the one ticker of the package, which it stops; Stop has a timer while it waits for clients.
package edge
