// Package streams is how Rejoin's instances share rooms, mailboxes and presence through Redis. It exists for Rejoin's server alone: its API may
// change with any release, and it promises nothing to other importers.
//
// A room holds the members of one connectionId. Each member has a mailbox, a Redis Stream with a
// consumer group of its own, whose last-delivered ID is what the client has acknowledged. A step of the
// protocol is one Lua script on the keys of one room, hence one round trip and atomic:
//
//	            attach                     detach
//	(none) ─────────────► live ────────────────────────► suspended
//	                        ▲  ◄─────────── attach ──────────┘ │
//	                        │        (resume, takeover)        │ window over:
//	                        └── sync: "I hold it after all"    │ leave, once
//	          live ── leave ──────────────► ended ◄────────────┘
//
// Every attach brings a new session number; all other steps carry it, and are refused once a later attach has replaced it (fencing). A
// script also announces what it stores: it publishes doorbells on the channel of each instance concerned (Bell). Pub/sub may lose them;
// sync and the mailboxes lose nothing.
//
// Steps are gathered into pipelines, one to each primary of Redis (package pipeline); all steps of one room keep their order. A step is
// repeated until Redis answers or its time is up, so every script may run twice, or late. This package deals with neither sockets nor the
// wire protocol.
//
// Locks: those of package pipeline, health, leases and listeners guard their own fields, and none is held while another is taken. Callbacks
// run with the pipeline's answering lock held: they may start further steps, but must not wait for one.
package streams
