package address

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

func TestWindowsBeginAnew(t *testing.T) {
	t.Parallel()
	l := NewLimiter(2, time.Second)
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
		if got := l.Take(step.from, now.Add(step.at)); got != step.want {
			t.Errorf("step %d: wait %v, want %v", i, got, step.want)
		}
	}
	if unlimited := NewLimiter(0, time.Second); unlimited.Take(a, now) != 0 || len(unlimited.counts) != 0 {
		t.Error("counts though there is no limit")
	}
}

func TestSoManyAddressesAreCounted(t *testing.T) {
	t.Parallel()
	l := NewLimiter(1, time.Minute)
	now := time.Unix(1000, 0)
	var ip [4]byte
	for n := range uint32(2 * MaxCounted) {
		binary.BigEndian.PutUint32(ip[:], n)
		if wait := l.Take(netip.AddrFrom4(ip), now); (wait > 0) != (n >= MaxCounted) {
			t.Fatalf("address %d: wait %v", n, wait)
		}
	}
	if len(l.counts) != MaxCounted {
		t.Errorf("%d addresses are held", len(l.counts))
	}
	if l.Take(netip.AddrFrom4(ip), now.Add(time.Minute)) != 0 || len(l.counts) != 1 {
		t.Error("the next window does not begin anew")
	}
}
