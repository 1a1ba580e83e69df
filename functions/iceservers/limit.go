package main

import (
	"net/netip"
	"sync"
	"time"
)

// maxAddresses is how many addresses are counted in one window: a few megabytes. Newcomers beyond are refused until it ends, which
// comes within a minute and usually within a second.
const maxAddresses = 1 << 16

// limiter counts requests by address. It is safe for concurrent use, and needs memory only for the window that runs.
type limiter struct {
	most   int // requests an address may make in a window; 0: any
	window time.Duration

	mu sync.Mutex
	// guarded by mu
	ends   time.Time
	counts map[netip.Addr]int
}

func newLimiter(most int, window time.Duration) *limiter {
	return &limiter{most: most, window: window, counts: map[netip.Addr]int{}}
}

// take counts one request. It returns 0 if it may be answered, otherwise when to ask again.
func (l *limiter) take(from netip.Addr, now time.Time) time.Duration {
	if l.most == 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !now.Before(l.ends) {
		l.ends = now.Add(l.window)
		clear(l.counts)
	}
	n, known := l.counts[from]
	if n >= l.most || !known && len(l.counts) >= maxAddresses {
		return l.ends.Sub(now)
	}
	l.counts[from] = n + 1
	return 0
}
