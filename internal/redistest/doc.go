// Package redistest starts real redis-servers for tests, and nothing else.
//
// Three kinds are to be had. All listen on 127.0.0.1 only, keep nothing on disk, and are gone
// when the test process is (on Linux even when that is killed):
//
//	Server(t)     one redis-server, started at the first call, shared by the whole test process
//	Cluster(t)    a cluster of three primaries, likewise
//	NewServer(t)  one of the test's own, to be stopped, killed and paused at will
//
// Tests that share a server keep apart by their keys: a random room each. A package that uses a
// shared one has a TestMain that calls Main, which ends them and then looks for leaked goroutines.
//
// The life of a server of NewServer; each arrow is a method, and returns when the state is reached:
//
//	             ┌──────── Start ────────┐
//	             ▼                       │
//	NewServer ─► running ── Stop, Kill ─► stopped
//	             │     ▲                 ▲
//	         Pause     Resume            │
//	             ▼     │                 │
//	             paused ── Stop, Kill ───┘
//
// It keeps its port over all of this, and loses its data whenever it stops.
//
// Without a redis-server on the machine a test fails and says what to install; with
// REJOIN_SKIP_REDIS=1 it is skipped. REJOIN_REDIS_SERVER names another program to run in its
// place, such as valkey-server.
package redistest
