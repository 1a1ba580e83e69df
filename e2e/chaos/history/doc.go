// Package history records what clients of a signaling service saw, and checks it against five laws. It knows nothing of
// the server: a history comes from clients only, and the laws are those of docs/protocol.md.
//
//	clients ──► Log ──► []Event ──► Check ──► Verdict: counts, and a Violation for each law that was broken
//
// The laws:
//
//	delivery  a confirmed message is delivered exactly once to a client that comes back in time, or its sender is told
//	order     what one sender sends to one receiver arrives in the order it was sent
//	presence  a peer is announced before its first data, never twice, and nothing of it follows its end
//	end       a session ends exactly once for each peer that knew it, and no ghost is left
//	fence     a connection whose session was taken up by a newer one gets nothing that was sent after that, nor is
//	          what is sent on it confirmed
//
// The dialects differ, and so does what the laws ask:
//
//	rejoin.v1        once, over all connections of a session. A message whose TTL is over and that was not acknowledged need not be delivered; then its sender
//	                 is told, on any one connection once
//	plain, kept      at least once: what was sent but not proven received comes again on the next connection, in order;
//	                 once on each connection
//	plain, not kept  once on one connection; when that is lost, its peers are told that the client is gone
package history
