// Package edge is the WebSocket server of Rejoin (RFC 6455): it admits clients, answers requests that are not WebSocket upgrades, bounds
// what each client may cost, and hands whole messages to a [Hub]. Sockets are package evloop's, frames package wsframe's, request heads
// package upgrade's. Rooms are parsed by package wire and opened by the hub; the edge only passes them on.
//
// A connection is owned by one loop. Everything that comes from the socket is handled there, in order and without locks; everything that
// goes to the socket, from any goroutine, is appended to the outbox of that loop and written there. An idle connection costs one small
// struct here. State needed only now and then (a head being read, half a message, a deadline) is in a second struct that exists only while
// it is needed.
//
//	          head complete, 101 sent             close frame written
//	accept ──► head ────────────────► open ─────────────────────────────► closing ──► dead
//	             │                     │  Hub.Open … Attachment.Closed       ▲          ▲
//	             │                     └─ reset, end of file, silence, ──────┼──────────┤
//	             │                        stalled reader: lost               │          │
//	             ├─ no upgrade: HTTP response ───────────────────────────────┘          │
//	             └─ end of file, nothing sent in time, evicted ─────────────────────────┘
//	                                                                       linger     remove
//
// Every arrow to closing is conn.linger, every arrow to dead conn.remove. In closing, the write side is shut down once everything is
// flushed, and the socket is read until the client closes too or a deadline passes: closing a socket with unread data resets it, and the
// reset would eat the close frame. Input is discarded, unless the session sent its client away: then messages that the client sent before
// it read the close frame are still handed over, and Attachment.Closed follows at the end.
//
// # From a session to the kernel
//
//	Send, Deliver, Ping, Close    a session's calls, from any goroutine
//	queue, queueClose             into the outbox of the connection's loop; or writeDirect, while that loop sleeps
//	writeBatch, write             the loop, at the end of an event (uncork): one write per connection
//	evloop.Loop.Write, Flush      keep what the kernel does not take, and write it when there is room
//
// # Who owns what, and the order of locks
//
//	the loop, without a lock     conn: socket, session, work, flags, rate, state, place in the sweep table
//	                             loop: table, works, crowd, behind, the batch that is being written
//	outbox.mu, one a loop        the batch that is being filled, armed, direct; conn: how it ended, and sealed when it is set
//	addresses.mu, one a server   connections by address
//	atomics                      conn.waiting, conn.sealed to read; Server: sockets, upgraded; the budget of buffers
//	set before they are shared   conn: loop and socket when it is accepted; conn.session when Hub.Open returns, on the loop; until
//	                             then the session may use its Conn, but nothing that the client sends is handed to it
//
// A hub's locks come before the outbox's: sessions queue while they hold theirs. So nothing that holds an outbox calls a hub or a session,
// and no two outboxes are locked together; addresses.mu is never held with another lock. Session methods are called on the loop with none
// of the edge's locks held (with the portable engine they hold the loop's mutex, which comes first).
//
// # Time
//
// One sweep per loop does everything that depends on time: at each tick it looks at the connections of one slot of its table, so that
// pings are spread, and at those that have a deadline. No connection has a timer. The ticker is evloop's; Stop has a timer while it waits
// for clients.
package edge
