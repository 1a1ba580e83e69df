// Package address determines a request's client address, for limits per address.
package address

import (
	"net/netip"
	"slices"
	"strings"
)

// ParseNetwork parses a network like 10.0.0.0/8, or a single address as a network.
func ParseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(plain(addr), plain(addr).BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if addr := network.Addr(); err == nil && addr.Is4In6() && network.Bits() >= 96 {
		return netip.PrefixFrom(addr.Unmap(), network.Bits()-96), nil
	}
	return network, err
}

// Client returns the address a request counts for. That is the peer itself or, if the peer is a trusted proxy, the last address in
// X-Forwarded-For that is not a trusted proxy. Whatever a client puts into the header itself is further left and has no effect. forwarded
// holds the header's values in order; they form one list, whose empty elements are ignored (RFC 9110 sections 5.3 and 5.6.1). The search
// stops at an element that is not an address, because anyone may have written what is left of it. For IPv6 the /64 counts, which is what
// one client has; for an IPv4 client behind an IPv6 translator, its IPv4 address (see plain).
//
// Forwarded (RFC 7239) is not read, because a proxy that does not set it passes on what the client wrote.
func Client(peer netip.Addr, forwarded []string, trusted []netip.Prefix) netip.Addr {
	client := plain(peer)
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for i := len(hops) - 1; i >= 0 && IsIn(client, trusted); i-- {
		text := strings.TrimSpace(hops[i])
		if text == "" {
			continue
		}
		hop, ok := parseHop(text)
		if !ok {
			break
		}
		client = hop
	}
	if client.Is6() {
		network, _ := client.Prefix(64)
		return network.Addr()
	}
	return client
}

// parseHop parses an address. Some proxies append the port, add brackets, or put both in quotes.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(strings.Trim(text, `"`))
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		var withPort netip.AddrPort
		withPort, err = netip.ParseAddrPort(text)
		addr = withPort.Addr()
	}
	return plain(addr), err == nil
}

// IPv6-to-IPv4 translators whose addresses carry the client's IPv4 address in the last four bytes.
var translated = []netip.Prefix{
	netip.MustParsePrefix("64:ff9b::/96"),   // RFC 6052 section 2.1
	netip.MustParsePrefix("64:ff9b:1::/48"), // RFC 8215: for local use, as /96 networks
}

// plain normalises an address before networks are applied: without a zone, and as IPv4 if it is a mapped or translated IPv4
// address. 6to4 (2002::/16) and Teredo (2001::/32) addresses stay as they are: their relays are gone, and anyone can put any
// IPv4 address into a 6to4 one.
func plain(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() && IsIn(addr, translated) {
		b := addr.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return addr
}

// IsIn reports whether one of the networks contains the address.
func IsIn(addr netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}
