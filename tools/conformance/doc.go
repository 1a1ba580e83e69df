// Conformance checks a running service against docs/protocol.md.
//
//	go run ./tools/conformance -a ws://host:port [-b ws://host:port] [-grace 3s] [-run regexp] [-v]
//	  [-secret file] [-admin http://host:port -admin-token file]
//
// It only needs the URLs of two instances, which may be the same one. With a key for tokens and the operator's token
// it checks what is behind them as well. Each check is a line of the table: its outcome, its name
// and the rules it proves. The exit status is 1 when a check failed, 2 when the arguments are wrong.
package main
