package turn_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"github.com/rejoin-dev/rejoin/internal/turntest"
)

// special are the ranges that a relay must not lead into: IANA's special-purpose registries (RFC 6890), multicast, and
// what is reserved.
var special = []string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/128", "::1/128", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16",
	"3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
}

// TestPeersInSpecialRangesAreRefused: the first and the last address of each range get 403, public ones do not. R24.
func TestPeersInSpecialRangesAreRefused(t *testing.T) {
	t.Parallel()
	v4 := mustAllocate(t, turntest.Start(t), "client")
	v6 := mustAllocate(t, turntest.StartOn(t, "::1"), "client")
	through := func(peer netip.Addr) error {
		allocation := v4
		if peer.Is6() {
			allocation = v6
		}
		return allocation.CreatePermission(net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, 9)))
	}
	for _, text := range special {
		prefix := netip.MustParsePrefix(text)
		for _, peer := range []netip.Addr{prefix.Addr(), lastOf(prefix)} {
			if peer.Is4In6() {
				continue // Go's addresses cannot tell it from the IPv4 one
			}
			if err := through(peer); code(err) != stun.CodeForbidden {
				t.Errorf("%s of %s: %v, want 403", peer, text, err)
			}
		}
	}
	for _, text := range []string{"9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "2600::1"} {
		if err := through(netip.MustParseAddr(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

// TestOneClientGetsSoManyAllocations: user-quota counts by the client's id, however fresh its credentials are.
func TestOneClientGetsSoManyAllocations(t *testing.T) {
	t.Parallel()
	const userQuota = 12
	s := turntest.Start(t)
	now := time.Now()
	for n := range userQuota + 2 {
		c := credentials(t, s, s.Secret, "client", now.Add(time.Duration(n)*time.Second))
		_, err := allocate(t, s, "udp", c.Username, c.Credential)
		if n < userQuota && err != nil || n >= userQuota && code(err) != stun.CodeAllocQuotaReached {
			t.Errorf("allocation %d: %v", n+1, err)
		}
	}
	mustAllocate(t, s, "another")
}

// TestAllClientsGetSoManyAllocations: total-quota holds over all ids. It is lowered here; that it is shipped, the next test says.
func TestAllClientsGetSoManyAllocations(t *testing.T) {
	t.Parallel()
	s := turntest.Start(t, "--total-quota=5")
	for n := range 5 {
		mustAllocate(t, s, fmt.Sprint("client", n))
	}
	c := credentials(t, s, s.Secret, "more", time.Now())
	if _, err := allocate(t, s, "udp", c.Username, c.Credential); code(err) != stun.CodeAllocQuotaReached {
		t.Errorf("the sixth of five: %v", err)
	}
}

// TestShippedFileHoldsNoSecretAndNoUser looks at what a running server cannot show.
func TestShippedFileHoldsNoSecretAndNoUser(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(turntest.Config())
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			name, value, _ := strings.Cut(line, "=")
			set[name] = value
		}
	}
	for _, name := range []string{
		"user", "lt-cred-mech", "static-auth-secret", "no-auth", "oauth", "psql-userdb", "mysql-userdb", "mongo-userdb", "redis-userdb",
		"cli-password", "web-admin", "allow-loopback-peers", "allowed-peer-ip", "server-relay", "mobility",
	} {
		if _, ok := set[name]; ok {
			t.Errorf("%s is set", name)
		}
	}
	for name, want := range map[string]string{
		"use-auth-secret": "", "no-cli": "", "no-multicast-peers": "", "fingerprint": "", "stale-nonce": "600", "userdb": ":memory:",
		"user-quota": "12", "total-quota": "1200", "max-bps": "125000",
	} {
		if value, ok := set[name]; !ok || value != want {
			t.Errorf("%s=%s (set: %v), want %s", name, value, ok, want)
		}
	}
}

// TestOneAllocationGetsSoManyBytes: what is sent through a relay much faster than max-bps is dropped.
func TestOneAllocationGetsSoManyBytes(t *testing.T) {
	t.Parallel()
	const maxBPS, packet, packets = 125_000, 1000, 1500
	s := turntest.Start(t, turntest.Loopback()...)
	from := mustAllocate(t, s, "client")
	peer, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	_ = peer.SetReadBuffer(4 * packet * packets)
	began := time.Now()
	for range packets {
		if _, err := from.PacketConn.WriteTo(make([]byte, packet), peer.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	_ = peer.SetReadDeadline(time.Now().Add(time.Second))
	received, b := 0, make([]byte, 2*packet)
	for err == nil {
		var n int
		n, err = peer.Read(b)
		received += n
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	_ = peer.Close()
	took := time.Since(began)
	// The count begins anew each second: two more than have passed entirely.
	if most := maxBPS * (int(took.Seconds()) + 2); received == 0 || received > most {
		t.Errorf("%d of %d bytes came through in %v: want at most %d", received, packet*packets, took, most)
	}
}
