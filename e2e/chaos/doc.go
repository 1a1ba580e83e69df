// Package chaos proves that nothing is lost. It drives real processes, three instances and a real Redis of each kind, under a
// steady load of rooms of all kinds (room_test.go), breaks something, mends it, and checks what all clients saw
// against the laws of package history.
//
//	actors (2 or 3 a room) ──► faultproxy ──► 3 instances ──► faultproxy ──► Redis
//	   │                     ▲                ▲              ▲            ▲
//	   ▼                     └────────────────┴── fault ─────┴────────────┘
//	history.Log ──► history.Check ──► a row of docs/reliability.md
//
// `go test ./e2e/chaos` draws six faults by the day (UTC) and does them one after the other in one stack. `task chaos` does each fault alone,
// and ten that are drawn under one load, 20 times with different seeds, and writes docs/reliability.md. Every seed is printed.
//
// Couples of PeerJS clients talk beside the rooms (peerjs_test.go).
//
// A law is broken by every loss but those that Redis makes by itself: what a primary confirmed last when it is killed (fault.tail), or all when it keeps
// nothing (fault.loses).
//
//	REJOIN_CHAOS           how often each fault is done: the long form
//	REJOIN_CHAOS_PARALLEL  how many runs there are at a time, 6 by default
//	REJOIN_CHAOS_SEED      in place of the day; of the long form, the seed of the first round, the next has one more
package chaos
