package streams_test

import (
	"context"
	"maps"
	"strings"
	"sync"

	"github.com/rejoin-dev/rejoin/streams"
)

// recorder is a Handler that remembers what it was told.
type recorder struct {
	mu          sync.Mutex
	changed     chan struct{} // closed at the next change
	bells       []streams.Bell
	reconciled  int
	regenerated int
	renewals    int
	live        map[string]bool
	ended       []streams.SessionEnd
}

func (r *recorder) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *recorder) Bell(b *streams.Bell) { r.change(func() { r.bells = append(r.bells, *b) }) }
func (r *recorder) Reconcile()           { r.change(func() { r.reconciled++ }) }
func (r *recorder) SessionEnded(e *streams.SessionEnd) {
	r.change(func() { r.ended = append(r.ended, *e) })
}
func (r *recorder) Regenerate() { r.change(func() { r.regenerated++ }) }

func (r *recorder) Instances(live map[string]bool) {
	r.change(func() { r.renewals++; r.live = maps.Clone(live) })
}

// wait blocks until ok, which is called with the recorder locked.
func (r *recorder) wait(tb failer, what string, ok func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		r.mu.Lock()
		done, changed := ok(), r.changed
		r.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			r.mu.Lock()
			defer r.mu.Unlock()
			tb.Fatalf("waited too long: %s; reconciled %d times, live %v, bells %+v", what, r.reconciled, r.live, r.bells[max(0, len(r.bells)-16):])
		}
	}
}

// bell waits for a doorbell of a kind about a client, and returns the first.
func (r *recorder) bell(tb failer, kind streams.BellKind, client string) (found streams.Bell) {
	tb.Helper()
	r.wait(tb, "doorbell "+string(kind), func() bool {
		for _, b := range r.bells {
			if b.Kind == kind && b.Client == client {
				found = b
				return true
			}
		}
		return false
	})
	return found
}

// reconciles returns how often Reconcile was called.
func (r *recorder) reconciles() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reconciled
}

// take returns the doorbells received so far and forgets them.
func (r *recorder) take() []streams.Bell {
	r.mu.Lock()
	defer r.mu.Unlock()
	bells := r.bells
	r.bells = nil
	return bells
}

// kinds writes doorbells about a room as one letter each, in order.
func kinds(bells []streams.Bell, room string) string {
	var s strings.Builder
	for _, b := range bells {
		if b.Room == room {
			s.WriteByte(byte(b.Kind))
		}
	}
	return s.String()
}
