package address

import (
	"net/netip"
	"sync"
	"time"
)

// MaxCounted is how many addresses a Limiter counts in one window: a few megabytes. Newcomers beyond are refused until it ends.
const MaxCounted = 1 << 16

// Limiter counts events by address in windows that follow each other. It is safe for concurrent use, and needs memory only for
// the window that runs.
type Limiter struct {
	most   int
	window time.Duration

	mu     sync.Mutex
	ends   time.Time          // guarded by mu
	counts map[netip.Addr]int // guarded by mu
}

// NewLimiter returns a Limiter that lets an address do something most times in a window; 0: any number, and nothing is counted.
func NewLimiter(most int, window time.Duration) *Limiter {
	return &Limiter{most: most, window: window, counts: map[netip.Addr]int{}}
}

// Take counts one event. It returns 0 if it may be, otherwise when to try again.
func (l *Limiter) Take(from netip.Addr, now time.Time) time.Duration {
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
	if n >= l.most || !known && len(l.counts) >= MaxCounted {
		return l.ends.Sub(now)
	}
	l.counts[from] = n + 1
	return 0
}
