// Package sim is a deterministic simulation: one seed, one history. Several hubs (internal/signaling) with the real
// streams.Backbone and the real scripts run on embedded Redises over a network that exists in memory only, in the simulated
// time of testing/synctest, so that an hour takes a fraction of a second. The seed draws what clients do and what breaks.
//
//	members (both clients' rules) ◄─socket─► hub ─► Backbone ─► go-redis ◄─link─► node: miniredis, its scripts and doorbells
//	   │                              ▲                                  ▲         ▲
//	   ▼                              └──────────── plan (faults) ───────┴─────────┘
//	history.Log ──► the five laws of e2e/chaos/history, and those of this package
//
// The laws of this package:
//
//	answer   a message on a connection that stays has its answer in a bounded time
//	shard    a primary that hangs does not hold up the rooms of the others
//	late     a message with a TTL is delivered within it, unless something held its receiver up
//	shut     a client's newest connection is never closed as "resumed elsewhere"
//	ghost    when all have left, no session is left in any hub, an hour later no key in Redis
//
// All of it but the product's own goroutines runs on one goroutine, in the order of the simulated time; every hop takes a time of
// its own, drawn from the seed and the identity of what travels, so that at any moment one thing happens. What the seed
// leaves to chance in the product is given by streams.Options.Dialer and signaling.Config.Seed; crypto/rand is the test's. What Go's runtime
// leaves to chance is taken from it, see runtime_test.go: the tests build this package a second time, with a few lines of the runtime
// replaced (go build -overlay). A new version of Go that changes those lines makes them fail, and say which.
//
// The package is apart from e2e/chaos, which has real processes, real Redises and real time: what that one proves it proves of
// the real thing, a few thousand faults an hour; this one tries some ten thousand in a second, and repeats any of them.
package sim
