// Package upgrade is the server's half of the opening handshake (RFC 6455 section 4.2): the bytes of a request head in, a verdict and
// the bytes of the response out. It knows no socket and keeps nothing between requests.
//
//	bytes ──► HeadEnd ──► Parse ──► Policy.Judge ──► AppendSwitch (101)
//	             │          │           │
//	             │          └───────────┴──► Response: 200 for /health, 400, 403, 404, 405, 426
//	             └── incomplete: Policy.Foreign looks whether it can be HTTP at all: a TLS, PROXY protocol or HTTP/2 client gets its 400 now
//
// The caller bounds the head (431) and the time that it takes (408), and adds what depends on the state of the server (429, 503).
//
// # Why not ws.Upgrader, or net/http
//
// The head is parsed here and not by gobwas/ws's Upgrader, because the Upgrader decides where this server has to look. It takes an
// Upgrade header only if websocket is its only element, and a Connection header only if every line of it lists upgrade. Its callbacks
// do not see these two, nor whether a key comes twice, and it counts the characters of a key but does not decode it. It reads from a
// blocking connection without a bound on the head, and what the client has sent behind the head is lost in its buffer. And it answers
// POST, HEAD and plain GET requests with errors of its own, so that these would need a second parser: net/http's reader.
// TestUpgraderIsNotEnough has the cases.
//
// The price of looking at all that is half a microsecond for each client. One head of a browser, best of 40 runs on one core:
//
//	go test -run '^$' -bench Head -benchmem ./internal/upgrade
//
//	this package, head and 101        2.0 µs    5 allocations       88 B
//	ws.Upgrader, head and 101         1.5 µs    3 allocations       64 B
//	net/http.ReadRequest, head only    10 µs   28 allocations    2,056 B
//
// What must hold for a parser of our own is fuzzed: a head means the same however it is split, and net/http reads every request that
// is upgraded as we do (FuzzHead). A proxy in front must not see another request than the server behind it.
package upgrade
