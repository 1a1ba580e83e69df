// Package suite holds a table of WebSocket cases (RFC 6455), what a client sends and what has to come of it, and
// runs them against a running service. Its numbers up to 13 are those of the Autobahn test suite's case list, so that
// results can be compared; the words and the bytes are our own, and so are the cases from 20 on.
//
// The service does not echo. It answers a message that is no JSON with an invalidMessageError that holds the
// message, which serves as the echo here. A case that breaks no rule ends with an offer that has to reach a peer.
//
//	peer    ── upgrade, ready ─────────────────────────────────► remoteData ── close
//	subject ── upgrade ── frames, cut in three ways ─► answers ─► offer, confirmation ── close 1000, echoed
//	                                                 └► close code, end of file (a case that breaks a rule)
package suite
