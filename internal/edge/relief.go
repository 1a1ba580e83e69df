package edge

import (
	"cmp"
	"slices"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// holder is a connection that buffers belong to: output that its client does not read, or half of what it is sending.
type holder struct {
	conn  *conn
	bytes int64
	since int64 // without progress, on the loop's clock
}

// spared is what relief leaves free in the end, as a share of the budget: one look at all connections serves for a while.
const spared = 16

// reliefPause is how often the other loops are asked to help, ms.
const reliefPause = 10

// relieve lets go of buffers when all of the process hold too much: of the connections of this loop, first of those that cost
// most, in bytes and in time. They are closed as lost: their sessions wait for them, and what was confirmed is in their mailboxes.
func (l *loop) relieve() {
	buffers := l.srv.cfg.Buffers
	excess := buffers.Excess() + buffers.Limit()/spared
	if list, held := l.holders(); held >= buffers.Limit()/int64(2*l.srv.cfg.Loops) { // otherwise the others hold far more
		for _, h := range list {
			if excess <= 0 {
				break
			}
			excess -= h.bytes
			h.conn.letGo()
		}
		l.drain()
	}
	if now := l.now(); buffers.Excess() > 0 && now-l.asked >= reliefPause {
		l.asked = now
		for _, other := range *l.srv.loops.Load() {
			if other != l {
				other.post(taskWrite) // it looks at the end of every event
			}
		}
	}
}

// holders returns the connections of this loop that hold buffers, the dearest first, and what they hold together.
func (l *loop) holders() (list []holder, held int64) {
	now := l.now()
	list = make([]holder, 0, len(l.behind))
	for i := range l.behind {
		b := &l.behind[i]
		if b.conn.marks.has(markMoved) {
			b.conn.marks.clear(markMoved)
			b.moved = now
		}
		if b.conn.outbound > 0 {
			list = append(list, holder{b.conn, int64(b.conn.outbound), b.moved})
		}
	}
	for _, w := range l.works {
		if w.conn.outbound == 0 && cap(w.buf) > 0 {
			list = append(list, holder{w.conn, int64(cap(w.buf)), w.began})
		}
	}
	const least = 100 // ms: what has just come costs something too
	cost := func(h holder) int64 { return h.bytes * (now - h.since + least) }
	slices.SortFunc(list, func(a, b holder) int { return cmp.Compare(cost(b), cost(a)) })
	for i := range list {
		held += list[i].bytes
	}
	return list, held
}

// letGo closes a connection for the sake of its buffers. One that reads is told why.
func (c *conn) letGo() {
	switch {
	case c.state == stateHead:
		c.turnAway(dropOverloaded)
	case c.state == stateOpen && c.outbound == 0:
		c.loop.srv.metrics.drop(dropOverloaded)
		c.queueClose(wire.CloseTryAgainLater, reasonOverloaded, signaling.End{Kind: signaling.EndLost})
		c.loop.release(c)
	default:
		c.drop(dropOverloaded)
	}
}

// turnAway answers a head that is not complete with 503, and closes without waiting for the client to do so.
func (c *conn) turnAway(reason dropReason) {
	c.answer(&c.loop.srv.unavailable, false)
	c.drop(reason)
}
