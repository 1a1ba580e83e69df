package fleet

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
)

// Ports are taken from below the ephemeral range, as internal/redistest does and for its reasons.
const (
	lowestPort  = 15_000
	highestPort = 32_000
	portTries   = 100
)

// freePort returns an address of 127.0.0.1 that was free a moment ago.
func freePort() (netip.AddrPort, error) {
	var last error
	for range portTries {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(lowestPort+rand.IntN(highestPort-lowestPort)))
		l, err := net.Listen("tcp4", addr.String())
		if err != nil {
			last = err
			continue
		}
		return addr, l.Close()
	}
	return netip.AddrPort{}, fmt.Errorf("find a free port: %w", last)
}
