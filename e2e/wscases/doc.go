// Wscases runs a table of WebSocket cases (RFC 6455), numbered as in the Autobahn test suite, against a running service.
//
//	go run ./e2e/wscases                              builds and starts a server of its own
//	go run ./e2e/wscases -a ws://host:port            the service there; -rate 0 when it has no rate limit
//	go run ./e2e/wscases -out docs/websocket.md       writes the table of results
//	go run ./e2e/wscases -run '^6\.4' -v              some cases, each with its line
//
// Cases that failed are printed, with a seed that repeats their random pieces. The exit status is 1 when there is one, 2
// when the arguments are wrong or the server does not start.
package main
