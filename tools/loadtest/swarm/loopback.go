package swarm

import (
	"fmt"
	"net/netip"
)

// Source returns the address of the i-th client, spread over 127.0.0.0/8: each has some 28,000 ports towards a server, so
// that they do not run out, not even while closed connections keep theirs for a minute.
func Source(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, 20, byte(i / 250 % 250), byte(1 + i%250)})
}

// CheckLoopback refuses an address that is not on this machine's loopback interface.
func CheckLoopback(to netip.AddrPort) error {
	if !to.Addr().Is4() || !to.Addr().IsLoopback() {
		return fmt.Errorf("%s is not in 127.0.0.0/8, where all load has to stay", to)
	}
	return nil
}
