package main

import (
	"encoding/binary"
	"net/http"
	"net/netip"
	"testing"
	"time"
)

func TestWindowsBeginAnew(t *testing.T) {
	t.Parallel()
	l := newLimiter(2, time.Second)
	now := time.Unix(1000, 0)
	a, b := netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("8.8.4.4")
	for i, step := range []struct {
		from netip.Addr
		at   time.Duration
		want time.Duration
	}{
		{a, 0, 0},
		{a, 300 * time.Millisecond, 0},
		{a, 400 * time.Millisecond, 600 * time.Millisecond},
		{b, 400 * time.Millisecond, 0},
		{a, 999 * time.Millisecond, time.Millisecond},
		{a, time.Second, 0},
		{a, time.Second, 0},
		{a, time.Second, time.Second},
	} {
		if got := l.take(step.from, now.Add(step.at)); got != step.want {
			t.Errorf("step %d: wait %v, want %v", i, got, step.want)
		}
	}
	if unlimited := newLimiter(0, time.Second); unlimited.take(a, now) != 0 || len(unlimited.counts) != 0 {
		t.Error("counts though there is no limit")
	}
}

func TestSoManyAddressesAreCounted(t *testing.T) {
	t.Parallel()
	l := newLimiter(1, time.Minute)
	now := time.Unix(1000, 0)
	var ip [4]byte
	for n := range uint32(2 * maxAddresses) {
		binary.BigEndian.PutUint32(ip[:], n)
		if wait := l.take(netip.AddrFrom4(ip), now); (wait > 0) != (n >= maxAddresses) {
			t.Fatalf("address %d: wait %v", n, wait)
		}
	}
	if len(l.counts) != maxAddresses {
		t.Errorf("%d addresses are held", len(l.counts))
	}
	if l.take(netip.AddrFrom4(ip), now.Add(time.Minute)) != 0 || len(l.counts) != 1 {
		t.Error("the next window does not begin anew")
	}
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct{ peer, forwarded, want string }{
		{"8.8.8.8:1", "", "8.8.8.8"},
		{"8.8.8.8:1", "1.1.1.1", "8.8.8.8"}, // not a proxy: what it says of others counts for nothing
		{"10.0.0.1:1", "1.1.1.1", "1.1.1.1"},
		{"10.0.0.1:1", "9.9.9.9, 1.1.1.1", "1.1.1.1"}, // 9.9.9.9 is what 1.1.1.1 claims
		{"10.0.0.1:1", "9.9.9.9, 1.1.1.1, 10.0.0.2", "1.1.1.1"},
		{"10.0.0.1:1", "", "10.0.0.1"},
		{"10.0.0.1:1", "1.1.1.1, unknown", "10.0.0.1"},
		{"[::ffff:10.0.0.1]:1", "1.1.1.1", "1.1.1.1"},
		{"[2600:1:2:3:4:5:6:7]:1", "", "2600:1:2:3::"},
		{"[fe80::1%eth0]:1", "", "fe80::"},
		{"[fd00::1]:1", "2600:1:2:3:4::", "2600:1:2:3::"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := clientAddress(r, trusted).String(); got != c.want {
			t.Errorf("%s for %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}
