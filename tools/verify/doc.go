// Verify checks a deployment from outside, through its balancer: the two-second story in both dialects, the pages, and that
// nothing private is public. With -cut it repeats the story, and instead of cutting the network it runs a command, such as one that
// kills an instance.
//
//	go run ./tools/verify -url ws://localhost:4000
//	go run ./tools/verify -url ws://localhost:4000 -cut "docker kill rejoin_signal_1"
//
// tools/conformance checks the protocol itself. scripts/compose-verify runs both against the compose stack.
package main
