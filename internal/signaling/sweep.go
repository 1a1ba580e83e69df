package signaling

import (
	"context"
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

const (
	sweepEvery = time.Second
	// shardPause spreads what concerns all sessions: 64 shards in a third of a second.
	shardPause = 5 * time.Millisecond
	// rotateWithin is how long clients have to reconnect by themselves when they are asked to rotate.
	rotateWithin = 5 * time.Second
	// rotateSpare is what a client that was asked to rotate gets beyond its delay before it is closed.
	rotateSpare = 2 * time.Second
)

// Run does what is done for all sessions, until ctx ends: flushing positions, retries, rotation, and the slow
// comparison with Redis. It blocks.
func (h *Hub) Run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	next, due := 0, time.Now()
	for {
		select {
		case <-ctx.Done():
			h.windows.close()
			h.probes.close()
			h.retries.stop()
			return
		case <-h.wake:
			h.forAll(ctx)
		case now := <-tick.C:
			h.flush()
			h.retries.run()
			h.rotate(now)
			for ; !due.After(now); due = due.Add(h.cfg.SyncInterval / shardCount) {
				h.shards[next].each((*Session).refresh)
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
	step := (*Session).refresh
	if h.restore.Swap(false) {
		step = (*Session).restore
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
func (s *Session) refresh() {
	switch {
	case s.state == attaching:
		s.opening.resync = true
	case !s.catching:
		s.catchUp()
	}
}

// flush sends the positions of the clients that moved.
func (h *Hub) flush() {
	for i := range h.shards {
		sh := &h.shards[i]
		sh.mu.Lock()
		dirty := sh.dirty
		sh.dirty = nil
		for _, s := range dirty {
			s.dirty = false
			if s.state == live {
				h.backbone.Ack(s.held(), s.acked, s.acknowledged)
			}
		}
		sh.mu.Unlock()
	}
}

func (s *Session) acknowledged(hold streams.Hold, err error) {
	s.locked(func() {
		switch {
		case s.state != live:
		case err != nil:
			if !s.dirty {
				s.dirty = true
				sh := s.shard()
				sh.dirty = append(sh.dirty, s)
			}
		case hold != streams.HoldOK:
			s.catchUp()
		}
	})
}

// rotate asks connections that grow too old to reconnect, before a platform cuts them.
func (h *Hub) rotate(now time.Time) {
	limit := h.cfg.MaxConnectionAge
	if limit <= 0 {
		return
	}
	h.each(func(s *Session) {
		// Spread over the last tenth, earlier by what the client gets to come back.
		age := now.Sub(time.Unix(int64(s.opened), 0))
		spread := limit / 10
		early := time.Duration(s.sid[0])*spread/256 + min(rotateWithin+rotateSpare, limit/4)
		if s.state == live && !s.rotating && age >= limit-early {
			s.rotating = true
			s.goAway(jitter(min(rotateWithin, limit/8)), wire.GoAwayRotate, rotateSpare)
		}
	})
}

// goAway asks a rejoin.v1 client to reconnect after delay, and closes the connection when spare more has passed.
// The session waits for its client either way. The shard is locked.
func (s *Session) goAway(delay time.Duration, reason string, spare time.Duration) {
	if s.dialect == wire.RejoinV1 {
		s.send(func(dst []byte) []byte { return wire.AppendGoAway(dst, delay.Milliseconds(), reason) })
		delay += spare
	}
	time.AfterFunc(delay, func() { s.locked(s.sendAway) })
}

// sendAway hands the session over: its grace window starts, then the connection is closed. The shard is locked.
func (s *Session) sendAway() {
	if s.state != live {
		return
	}
	c := s.conn
	s.detachOne(func() { c.Close(wire.CloseServiceRestart, wire.ReasonGoingAway) })
}
