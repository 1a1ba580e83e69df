// Package signaling keeps the sessions of the clients connected to this instance: presence, delivery, replay.
// It knows no socket (Conn is one, seen from here) and no Redis client (Backbone is one).
//
// A Session is one connection's hold on a session; the session itself is in Redis and outlives it:
//
//	         attach               page after page, each asked for by a pong
//	Open ──► attaching ──► live ──────────────► catching up
//	             │          │  ◄────────────────────┘ mailbox read to its end
//	             ▼          ▼
//	           closed: left (for good) · detached (the grace window starts) · fenced (another connection has it)
//
// A live session is delivered to from the doorbells. Whatever is not simply the next entry (a hole, a doorbell without
// payload, a full output queue, a lost subscription) makes it catch up: it reads its mailbox after the last
// entry delivered until there is no more. A replay is nothing else.
//
// All sessions of a room are in one shard and are guarded by its mutex. Nothing blocks while holding it: the backbone
// answers by callback, a Conn only queues.
//
// Lock order: a shard first; inside of it windows, limited, probes, retries, timers, doubts and the ration of log lines, each of which is held alone and calls
// nothing. The edge's locks and the backbone's may be taken inside of a shard's, never the other way round: the backbone calls back without a lock
// that a call into it takes.
//
// Timers: those of grace windows belong to windows, of messages with a TTL to limited, those of probes to probes, all others to timers. Run stops them.
package signaling
