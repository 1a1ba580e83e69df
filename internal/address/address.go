// Package address finds out whose request it is, for limits that count by address.
package address

import (
	"net/netip"
	"slices"
	"strings"
)

// ParseNetwork reads a network like 10.0.0.0/8, or an address as a network of its own.
func ParseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if addr := network.Addr(); err == nil && addr.Is4In6() && network.Bits() >= 96 { // clients of IPv4 are not written so
		network = netip.PrefixFrom(addr.Unmap(), network.Bits()-96)
	}
	return network, err //nolint:wrapcheck // only whether it is one is asked
}

// Client returns who asks: the last address of X-Forwarded-For that is no trusted proxy, if a trusted proxy it is that asks.
// What a client puts into the header itself stands further to the left and counts for nothing. forwarded are the values of
// that header, in order. Of IPv6 the network counts, /64, which is what one client has.
func Client(peer netip.Addr, forwarded []string, trusted []netip.Prefix) netip.Addr {
	client := peer.Unmap()
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for i := len(hops) - 1; i >= 0 && IsIn(client, trusted); i-- {
		hop, ok := parseHop(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		client = hop
	}
	if client.Is6() {
		network, _ := client.WithZone("").Prefix(64)
		return network.Addr()
	}
	return client
}

// parseHop reads an address; some proxies put the port behind it, or brackets around it.
func parseHop(text string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		var withPort netip.AddrPort
		withPort, err = netip.ParseAddrPort(text)
		addr = withPort.Addr()
	}
	return addr.Unmap(), err == nil
}

// IsIn is whether one of the networks has the address.
func IsIn(addr netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}
