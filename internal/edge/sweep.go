package edge

import (
	"math/rand/v2"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/upgrade"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/internal/wsframe"
)

// How often the sweep visits a connection, and after how many visits without a byte it acts. A socket that falls silent is pinged
// between 7/8 and 1 interval later, and dropped between 15/8 and 2.
const (
	visitsPerInterval = 8
	quietToPing       = visitsPerInterval - 1
	quietToDrop       = 2*visitsPerInterval - 1
)

// Limits of the time between two ticks, and of the slots in a table.
const (
	minTick  = 5 * time.Millisecond
	maxTick  = 250 * time.Millisecond
	maxSlots = 1 << 10
)

// pace is how the sweep runs: one slot of each loop's table at each tick.
type pace struct {
	tick  time.Duration
	slots int
}

// paceOf fits the tick to the shortest configured time, and the slots to the ping interval.
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

// sweepTable is the open connections of one loop, in slots of which the sweep visits one at each tick.
type sweepTable struct {
	slots   [][]*conn
	visited int // last
}

func newSweepTable(slots int) sweepTable { return sweepTable{slots: make([][]*conn, slots)} }

// add puts a connection into a random slot, so that connections opened at the same moment are not pinged at the same moment.
func (t *sweepTable) add(c *conn) {
	c.slot = uint16(rand.IntN(len(t.slots)))
	c.place = int32(len(t.slots[c.slot]))
	t.slots[c.slot] = append(t.slots[c.slot], c)
}

func (t *sweepTable) remove(c *conn) {
	slot := t.slots[c.slot]
	last := slot[len(slot)-1]
	slot[c.place], last.place = last, c.place
	slot[len(slot)-1] = nil
	t.slots[c.slot] = slot[:len(slot)-1]
}

// next returns the slot to visit now.
func (t *sweepTable) next() []*conn {
	t.visited = (t.visited + 1) % len(t.slots)
	return t.slots[t.visited]
}

// sweep is one tick of a loop.
func (l *loop) sweep() {
	l.cork()
	now := l.now()
	l.checkBacklogs(now)
	l.checkDeadlines(now)
	l.visit()
	l.uncork()
}

// checkDeadlines handles the connections whose deadline has passed.
func (l *loop) checkDeadlines(now int64) {
	// Backwards: one that loses its work is replaced by one that was looked at already.
	for i := len(l.works) - 1; i >= 0; i-- {
		if i >= len(l.works) {
			continue
		}
		w := l.works[i]
		if now >= w.deadline {
			w.conn.deadlinePassed()
			continue
		}
		w.conn.closeWrite() // once it is flushed
	}
}

// deadlinePassed ends a head, message or close that took too long.
func (c *conn) deadlinePassed() {
	switch c.state {
	case stateHead:
		c.loop.srv.metrics.upgraded(upgradeTimeout)
		if len(c.work.head) == 0 {
			c.remove(dropHandshake)
			return
		}
		c.respond(&upgrade.Timeout)
	case stateOpen:
		// The client may have lost its network in the middle of a message: not for cause.
		c.loop.srv.metrics.drop(dropMessage)
		c.queueClose(wire.ClosePolicy, reasonSlowMessage, signaling.Closure{By: signaling.ClosedByLoss})
	case stateClosing:
		c.remove(dropLinger)
	case stateDead:
	}
}

// visit checks the connections of one slot: silent ones are pinged, and dropped if they do not answer.
func (l *loop) visit() {
	slot := l.table.next()
	for i := len(slot) - 1; i >= 0; i-- {
		c := slot[i]
		c.quiet++
		switch c.quiet {
		case quietToPing:
			if c.queue(output{op: wsframe.OpPing}, skipWhenFull) {
				c.flags.set(flagPinged)
			}
		case quietToDrop:
			c.remove(dropSilent)
		}
	}
}
