// Package signaling connects the clients of this instance to their sessions: presence, delivery, replay. It deals with neither sockets nor
// a Redis client directly: Conn and Backbone are its interfaces to them.
//
// An Attachment is one connection's hold on a session. The session itself is in Redis and outlives its connections:
//
//	         attach               page after page, each asked for by a pong
//	Open ──► attaching ──► live ──────────────► catching up
//	             │          │  ◄────────────────────┘ mailbox read to its end
//	             ▼          ▼
//	           closed: the session ended · detached (the grace window starts) · fenced (another connection has it)
//
// "Closed" is said of connections and attachments, "ended" of sessions. There are four ways from live to closed:
//
//	the client says goodbye, or its token is revoked    endSession        the session ends, its peers are told
//	the connection is lost, or this instance drains     detach            the session is suspended, its window starts
//	another connection attached to the session          fence             the session goes on there
//	others ended the session (removed, or we were cut off) close          its peers know already
//
// A live attachment gets its entries from doorbells. If anything but the next entry arrives (a gap, a doorbell without payload), or the
// output queue is full or the subscription lost, it catches up: it reads its mailbox from the last delivered entry to the end. A replay is
// just catching up.
//
// While attaching, the request, the resume tokens and early arrivals (doorbells, messages, the close) are in extra.opening; begin applies
// them and drops it. id, epoch, version, last and peers are set by begin. hub, conn, room, sid, opened, side and dialect are set by Open
// and never change. All the other fields are guarded by the shard's mutex.
//
// All attachments of a room are in one shard and are guarded by its mutex. Nothing blocks while holding it: the backbone
// answers by callback, a Conn only queues.
//
// Lock order: a shard first; inside it windows, limited, probes, retries, timers, claimQueries, peerQueries and lineLimit, each of which is taken alone and calls
// nothing. The locks of the edge and the backbone may be taken inside a shard's, never the other way round: the backbone calls back without a lock
// that a call into it takes.
//
// Timers: windows owns those of grace windows, limited those of messages with a TTL, probes those of probes, timers all others. Run stops them.
package signaling
