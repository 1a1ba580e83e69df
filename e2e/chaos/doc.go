// Package chaos proves that nothing is lost. It drives real processes, three instances and a real Redis of each kind, under a
// steady load of rooms that negotiate in both dialects, breaks something, mends it, and checks what all clients saw
// against the laws of package history.
//
//	actors (2 a room) ──► Toxiproxy ──► 3 instances ──► Toxiproxy ──► Redis
//	   │                     ▲               ▲              ▲           ▲
//	   ▼                     └───────────────┴── fault ─────┴───────────┘
//	history.Log ──► history.Check ──► a row of docs/reliability.md
//
// `go test ./e2e/chaos` runs the most telling faults one after the other in one stack, `task chaos` each fault alone and a draw at
// random, and writes docs/reliability.md. The draw's seed is printed; REJOIN_CHAOS_SEED repeats it.
package chaos
