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
		return netip.PrefixFrom(plain(addr), plain(addr).BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if addr := network.Addr(); err == nil && addr.Is4In6() && network.Bits() >= 96 {
		return netip.PrefixFrom(addr.Unmap(), network.Bits()-96), nil
	}
	return network, err //nolint:wrapcheck // only whether it is one is asked
}

// Client returns who asks: the last address of X-Forwarded-For that is no trusted proxy, if a trusted proxy it is that asks.
// What a client puts into the header itself stands further to the left and counts for nothing. forwarded are the values of
// that header, in order; they are one list, whose empty elements mean nothing (RFC 9110 sections 5.3 and 5.6.1). An element that is no
// address ends the search: what is left of it may be anybody's. Of IPv6 the network counts, /64, which is what one client has; of a
// client that comes from IPv6 only by way of a translator, its IPv4 address (see plain).
//
// Forwarded (RFC 7239) is not read: a proxy that does not set it hands on what the client wrote.
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

// parseHop reads an address; some proxies put the port behind it, brackets around it, or both in quotes.
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

// Translators between IPv6 and IPv4 whose addresses hold the client's IPv4 address in the last four bytes.
var translated = []netip.Prefix{
	netip.MustParsePrefix("64:ff9b::/96"),   // RFC 6052 section 2.1
	netip.MustParsePrefix("64:ff9b:1::/48"), // RFC 8215: for local use, as /96 networks
}

// plain returns the address that a client is counted by, before networks: without a zone, and as IPv4 if it is one in IPv6, mapped
// or translated. Addresses of 6to4 (2002::/16) and Teredo (2001::/32) stay what they are: those relays are gone, and anybody may write any
// IPv4 address into the first of them.
func plain(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() && IsIn(addr, translated) {
		b := addr.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return addr
}

// IsIn is whether one of the networks has the address.
func IsIn(addr netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}
