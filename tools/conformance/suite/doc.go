// Package suite checks a running service against docs/protocol.md, knowing only URLs of two of its instances, and
// for what is behind a lock a key for tokens and the operator's token.
//
//	Run ─► check (a room of its own) ─► probe ─► sockets, written to and read by hand, byte by byte
//	                                      │
//	                                      └── "hears nothing" is never a wait: a fence, something that must be heard,
//	                                          is sent behind it, and nothing may come before the fence
//
// Every check names the rules it proves. A check ends at its first surprise.
package suite
