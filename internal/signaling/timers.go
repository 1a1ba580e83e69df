package signaling

import (
	"sync"
	"time"
)

// timers are the hub's one-shot timers: Run stops those that are left when it ends.
type timers struct {
	mu  sync.Mutex
	all map[*time.Timer]bool
	off bool
}

// after calls f once, after d, unless the hub has ended.
func (t *timers) after(d time.Duration, f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.off {
		return
	}
	if t.all == nil {
		t.all = map[*time.Timer]bool{}
	}
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		t.mu.Lock()
		ours := t.all[timer]
		delete(t.all, timer)
		t.mu.Unlock()
		if ours {
			f()
		}
	})
	t.all[timer] = true
}

func (t *timers) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.off = true
	for timer := range t.all {
		timer.Stop()
	}
	clear(t.all)
}
