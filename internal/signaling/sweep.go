package signaling

import (
	"context"
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

const (
	sweepEvery = time.Second
	// shardPause spreads work on all sessions: 64 shards in a third of a second.
	shardPause = 5 * time.Millisecond
	// rotateWithin is how long clients have to reconnect by themselves when they are asked to rotate.
	rotateWithin = 5 * time.Second
	// rotateSpare is how long after its delay a client asked to rotate is closed.
	rotateSpare = 2 * time.Second
)

// Run does the periodic work for all sessions until ctx ends: flushing positions, retries, rotation, and the slow comparison with Redis. It
// blocks.
func (h *Hub) Run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	next, due := 0, time.Now().Add(h.cfg.SyncInterval/shardCount)
	for {
		select {
		case <-ctx.Done():
			h.windows.close()
			h.limited.close()
			h.probes.close()
			h.retries.stop()
			h.timers.stop()
			return
		case <-h.wake:
			h.evictRevoked()
			h.forAll(ctx)
		case now := <-tick.C:
			h.flush()
			h.retries.run()
			h.rotate(now)
			h.expireTokens(now)
			h.listAgain(now)
			for ; !due.After(now); due = due.Add(h.cfg.SyncInterval / shardCount) {
				h.shards[next].each((*Attachment).refresh)
				h.renewICEServers(next, now.Add(due.Sub(now))) // due by the clock of now: it may have been set since Run began
				next = (next + 1) % shardCount
			}
		}
	}
}

// Reconcile implements streams.Handler.
func (h *Hub) Reconcile() {
	h.resync.Store(true)
	h.nudge()
}

// Regenerate implements streams.Handler.
func (h *Hub) Regenerate() {
	h.replaced.Store(int64(max(time.Since(h.began), 1)))
	h.restore.Store(true)
	h.nudge()
}

func (h *Hub) nudge() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// forAll compares or restores every session, shard by shard.
func (h *Hub) forAll(ctx context.Context) {
	step := (*Attachment).refresh
	if h.restore.Swap(false) {
		step = func(s *Attachment) {
			s.sendStoreReplaced()
			s.restore()
		}
		h.resync.Store(false) // a restore compares too
	} else if !h.resync.Swap(false) {
		return
	}
	for i := range h.shards {
		h.shards[i].each(step)
		select {
		case <-time.After(shardPause):
		case <-ctx.Done():
			return
		}
	}
}

// refresh compares a session with Redis and keeps its keys alive. The shard is locked.
func (a *Attachment) refresh() {
	switch {
	case a.state == attaching || a.syncing: // the pending call may have been answered too early
		a.todo = max(a.todo, todoSync)
	case !a.catching:
		a.catchUp()
	}
}

// rotate asks old connections to reconnect, before a platform cuts them.
func (h *Hub) rotate(now time.Time) {
	limit := h.cfg.MaxConnectionAge
	if limit <= 0 {
		return
	}
	within, spare := min(rotateWithin, limit/8), min(rotateSpare, limit/8)
	h.each(func(s *Attachment) {
		// Spread over the last tenth of the age, minus the client's time to reconnect and one sweep.
		age := s.age(now)
		early := time.Duration(s.sid[0])*(limit/10)/256 + within + spare + min(sweepEvery, limit/8)
		if s.state == live && age >= limit-early && !s.ensureExtra().rotating {
			s.extra.rotating = true
			s.goAway(h.chance.jitter(within), wire.GoAwayRotate, spare)
		}
	})
}

// goAway asks a rejoin.v1 client to reconnect after delay, and closes the connection when spare more has passed.
// The session waits for its client either way. The shard is locked.
func (a *Attachment) goAway(delay time.Duration, reason string, spare time.Duration) {
	if a.dialect == wire.RejoinV1 {
		a.sendFrame(func(dst []byte) []byte { return wire.AppendGoAway(dst, delay.Milliseconds(), reason) })
		delay += spare
	}
	a.hub.timers.after(delay, func() { a.locked(a.sendAway) })
}

// sendAway closes the connection without losing messages on their way here. The shard is locked.
func (a *Attachment) sendAway() {
	switch {
	case a.state != live:
	case a.keeps():
		a.handOver()
	default: // it stays attached until the client has closed too, which ends the session
		a.conn.SendAway(wire.CloseServiceRestart, wire.ReasonGoingAway)
	}
}

// handOver starts the grace window of a session, if it has one, and closes the connection then. The messages that a client with a window has
// sent before it knew are still stored; a rejoin.v1 client resends unanswered messages itself. The shard is locked.
func (a *Attachment) handOver() {
	if a.state != live {
		return
	}
	c, was := a.conn, a.extra
	a.detach(a.hub.closingReason(), func() { c.SendAway(wire.CloseServiceRestart, wire.ReasonGoingAway) })
	if a.dialect == wire.RejoinV1 || !a.keeps() {
		return
	}
	a.state = sentAway
	if a.dialect == wire.PeerJS {
		a.extra = &extra{posts: was.posts}
	}
}
