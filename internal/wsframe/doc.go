// Package wsframe reads and writes WebSocket frames (RFC 6455 section 5): bytes in, events out. It knows no socket, no session and
// no clock, so everything in it is tested and fuzzed in memory.
//
//	              header incomplete,           payload incomplete,
//	bytes ──►  or a control frame incomplete   or FIN is not set
//	   │                  │                            │
//	   │                  ▼                            ▼
//	   │            Partial.header                Partial.payload ──► text is checked as it grows
//	   │                  │                            │
//	   ▼                  ▼                            ▼
//	[Reader.Next] ──► Frame, Message, Ping, Pong, Close, or Violation: the connection is to be closed
//
// A frame that has arrived whole is unmasked in place and handed out as a slice of the input: nothing is copied or allocated. Only
// what is incomplete is copied, into a [Partial] that the caller lends for that time. A caller with thousands of idle connections
// needs no Partial for any of them.
//
// The package checks what section 5 asks of a server's reader: masking, reserved bits, opcodes, the shortest encoding of a length,
// control frames that are short and not fragmented, the order of continuations, UTF-8 (also in a close reason), close codes.
// Messages are bounded before anything is buffered. Headers are checked by gobwas/ws; its table of close codes is older than the
// IANA registry and it does not look at the length's encoding, so these two are checked here.
package wsframe
