package signaling

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// drainPoll is how often Drain checks whether all clients are gone.
const drainPoll = 10 * time.Millisecond

// Drain sends all clients away within the given time, each at a random moment to spare the other instances a stampede. It returns when none
// is left and Redis knows, or when ctx ends. Once it is called, Ready returns an error. rejoin.v1 clients are told when to come back, and
// mostly do before they are closed.
func (h *Hub) Drain(ctx context.Context, within time.Duration) {
	h.draining.Store(true)
	spare := within / 4
	h.each(func(s *Attachment) {
		switch s.state {
		case live:
			s.goAway(h.chance.jitter(within-spare), wire.GoAwayDrain, spare)
		case attaching:
			s.closeAttaching(SentAway, wire.CloseServiceRestart, wire.ReasonGoingAway)
		}
	})
	if !waitZero(ctx, &h.sessions, &h.leaving) {
		// Time is up: hand over the rest at once. If Redis does not hear of it, the lease will expire.
		h.each((*Attachment).handOver)
	}
}

// Settle waits until Redis has answered all pending calls, or until ctx ends. Call it once all connections are closed.
func (h *Hub) Settle(ctx context.Context) {
	waitZero(ctx, &h.sending, &h.leaving)
}

// waitZero waits until both counts are 0, and reports whether that came before ctx ended.
func waitZero(ctx context.Context, a, b *atomic.Int64) bool {
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	for a.Load() > 0 || b.Load() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// drains is 1 while draining, for the metrics.
func (h *Hub) drains() float64 {
	if h.draining.Load() {
		return 1
	}
	return 0
}

// Sessions returns the number of open connections.
func (h *Hub) Sessions() int { return int(h.sessions.Load()) }
