// Package traffic is what the clients of a load test say, hear and check: upgrade targets, messages with a stamp in the
// requestId, a scan of what a server sends, and the books on what was lost, duplicated or out of order.
//
// A server's message is scanned, never parsed: what is not exactly what docs/protocol.md promises counts as unexpected
// and fails the run. Nothing here allocates per message.
package traffic
