package address

import (
	"net/netip"
	"sync"
	"time"
)

// MaxCounted is how many addresses a Limiter counts in one window, a few megabytes. Further addresses are refused until the window ends.
const MaxCounted = 1 << 16

// Limiter counts events by address in consecutive windows. It is safe for concurrent use, and needs memory only for
// the current window.
type Limiter struct {
	most   int
	window time.Duration

	mu     sync.Mutex
	ends   time.Time          // guarded by mu
	counts map[netip.Addr]int // guarded by mu
}

// NewLimiter returns a Limiter that allows most events per address and window. With 0 it allows any number and counts nothing.
func NewLimiter(most int, window time.Duration) *Limiter {
	return &Limiter{most: most, window: window, counts: map[netip.Addr]int{}}
}

// Take counts one event. It returns 0 if the event is allowed, otherwise how long to wait before trying again.
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
