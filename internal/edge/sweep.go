package edge

import (
	"time"

	"github.com/gobwas/ws"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// How often the sweep visits a connection, and after how many visits without a byte it acts. A socket that
// falls silent is pinged between 7/8 and 1 interval later and dropped between 15/8 and 2.
const (
	visitsPerInterval = 8
	quietToPing       = visitsPerInterval - 1
	quietToDrop       = 2*visitsPerInterval - 1
)

// Bounds of the time between two ticks, and of the slots of a table.
const (
	minTick  = 5 * time.Millisecond
	maxTick  = 250 * time.Millisecond
	maxSlots = 1 << 10
)

// pace is how the sweep runs: one slot of each loop's table each tick.
type pace struct {
	tick  time.Duration
	slots int
}

// paceOf fits the tick to the shortest of the configured times, and the slots to the ping interval.
func paceOf(cfg *Config) pace {
	visit := cfg.PingInterval / visitsPerInterval
	shortest := min(cfg.HandshakeTimeout, cfg.MessageTimeout, cfg.CloseTimeout)
	tick := max(minTick, min(maxTick, visit, shortest/4))
	slots := max(1, int(visit/tick))
	if slots > maxSlots {
		slots = maxSlots
		tick = visit / maxSlots
	}
	return pace{tick, slots}
}

// tick has every loop sweep, unless the last time has not been served yet.
func (s *Server) tick() {
	for _, l := range *s.loops.Load() {
		l.post(taskSweep)
	}
}

// sweep is one tick of a loop.
func (l *loop) sweep() {
	l.enter()
	now := l.now()
	l.catchUp(now)
	l.expire(now)
	l.visit()
	l.leave()
}

// expire deals with the connections whose deadline has passed.
func (l *loop) expire(now int64) {
	// Backwards: one that loses its work is replaced by one that was looked at already.
	for i := len(l.works) - 1; i >= 0; i-- {
		if i >= len(l.works) {
			continue
		}
		w := l.works[i]
		if now >= w.deadline {
			w.conn.expired()
			continue
		}
		w.conn.shutdown() // once it is flushed
	}
}

// expired is called when the deadline of a connection has passed.
func (c *conn) expired() {
	switch c.state {
	case stateHead:
		c.loop.srv.metrics.upgraded(upgradeTimeout)
		if len(c.work.buf) == 0 {
			c.drop(dropHandshake)
			return
		}
		c.answer(&answerTimeout, false)
	case stateOpen:
		// It may as well be a client that lost its network in the middle of a message: not for cause.
		c.loop.srv.metrics.drop(dropMessage)
		c.queueClose(wire.ClosePolicy, reasonSlowMessage, signaling.End{Kind: signaling.EndLost})
	case stateClosing:
		c.drop(dropLinger)
	case stateDead:
	}
}

// visit looks at the connections of one slot: those that were silent are pinged, and dropped when that did not
// help.
func (l *loop) visit() {
	l.slot = (l.slot + 1) % len(l.table)
	slot := l.table[l.slot]
	for i := len(slot) - 1; i >= 0; i-- {
		c := slot[i]
		c.quiet++
		switch c.quiet {
		case quietToPing:
			if c.queue(ws.OpPing, nil, nil, skipWhenFull) {
				c.marks.set(markPinged)
			}
		case quietToDrop:
			c.drop(dropSilent)
		}
	}
}
