// Package wire holds what travels between Rejoin and its clients: the messages of both dialects, the
// identifiers and tokens in them, close codes, and the reading of a connect request. It imports nothing but
// the standard library, owns no goroutine and no global state, and never blocks except on the system's
// random source.
//
// What a client sends takes one of three ways through a [Decoder]:
//
//	           not JSON ───────────► reply: invalidMessageError
//	         ╱
//	raw text ─ not a message ──────► reply: validationError
//	         ╲
//	           Message ─ offer, answer, iceCandidate, iceCandidates ─► AppendRemoteData (to the target)
//	                   │                                             └► AppendConfirmation, … (to the sender)
//	                   └ ack (rejoin.v1 only)
//
// The Append functions write one complete, compact JSON message each, with its fields in the order that
// docs/protocol.md gives, so that a message is the same bytes whoever builds it.
package wire
