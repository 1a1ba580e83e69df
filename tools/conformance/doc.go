// Conformance checks a running service against docs/protocol.md.
//
//	go run ./tools/conformance -a ws://host:port [-b ws://host:port] [-grace 3s] [-run regexp] [-v]
//
// It needs nothing but the URLs of two instances, which may be the same one. Each check is a line of the table: its outcome, its name
// and the rules it proves. The exit status is 1 when a check failed, 2 when the arguments are wrong.
package main
