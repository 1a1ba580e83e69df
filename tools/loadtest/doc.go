// Loadtest measures what Rejoin costs, with real processes on this machine. Linux only.
//
//	go run ./tools/loadtest idle   -n 15000          unused connections
//	go run ./tools/loadtest relay  -rate 3000        pairs across two instances
//	go run ./tools/loadtest resume -rate 500         clients that come back to waiting messages
//	go run ./tools/loadtest load   -users 70000 -rate 500   pairs that come, negotiate, and stay
//	go run ./tools/loadtest storm  -users 20000      all connections break at once, and their clients come back
//	go run ./tools/loadtest jitter -clients 10000    pairs whose connections are cut every 15 s; a kill, a deploy
//	go run ./tools/loadtest peerjs                   clients of npm peerjs' protocol, on PeerServer and on Rejoin, and what breaks
//	go run ./tools/loadtest hostile -n 10000         pairs beside connections that trickle
//	go run ./tools/loadtest start                    start of a process, size of the binary
//	go run ./tools/loadtest report DIR               tables and plots of the JSON in DIR
//
// A server process and a process of the load hold some 19,000 connections each, so more need idle -procs or relay -instances with -idle; load and
// storm start as many as they need, and a process of the load for each.
// A mailbox takes 256 messages by default and is emptied once a second: with relay -rate max have so many -pairs that a client
// gets fewer than that, or raise it with -env MAILBOX_MESSAGES=4096.
//
// With -h a scenario prints its flags, with -json FILE it writes what the last one reads. The exit status is 1 when a message was
// lost, duplicated, out of order or refused, or a connection was.
package main
