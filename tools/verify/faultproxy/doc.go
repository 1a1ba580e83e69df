// Package faultproxy is a TCP proxy for tests that makes the network fail on purpose. Every fault begins
// and ends by a call; only Slow uses a clock.
//
//	new, after HoldNew ──► holding ── Release ──► passing ◄── new, after PassNew
//	                          │   (bytes wait)       │
//	                          └────── Silence ───────┴──► silent (bytes vanish)
//
//	any ── Reset ──► gone (RST both ways)      any ── Cut ──► gone (FIN both ways)
//
// A silent connection swallows everything in both directions, the end of the stream included: neither side learns that the
// other has gone, and it never comes back to life. A holding one keeps what it swallows, the end included, and lets it through on Release: bytes first, then
// FIN. That is how an attempt that its client has given up long ago still reaches a server.
//
// Slow, LimitDown and FilterDown work on all connections of a proxy, on what passes. Cure ends everything.
package faultproxy
