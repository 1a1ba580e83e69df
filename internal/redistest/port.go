package redistest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are taken from below every system's ephemeral range (Linux 32768 up, macOS 49152 up).
// A port that bind(:0) hands out lies inside of it, and while such a server is stopped, any
// outgoing connection may get the port as its own, even one that is dialling the stopped server:
// it would connect to itself, and the server could not come back.
const (
	lowestPort  = 15000
	highestPort = 32000
	portTries   = 100
)

// freePort returns a port of 127.0.0.1 that was free a moment ago. Nothing keeps it free:
// the caller tries another one when it turns out to be taken.
func freePort() (int, error) {
	var last error
	for range portTries {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		listener, err := net.Listen("tcp4", address(port))
		if err != nil {
			last = err
			continue
		}
		return port, listener.Close()
	}
	return 0, fmt.Errorf("find a free port: %w", last)
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
