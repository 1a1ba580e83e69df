package edge

import (
	"cmp"
	"slices"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// holder is a connection that holds buffers: output that its client does not read, or half a message it is sending.
type holder struct {
	conn  *conn
	bytes int64
	since int64 // without progress, on the loop's clock
}

// spared is the share of the budget that shedding frees, so that one pass over all connections suffices for a while.
const spared = 16

// shedInterval is how often the other loops are asked to help, in ms.
const shedInterval = 10

// shed closes connections of this loop when the buffers of the process exceed their budget, the largest and longest-held first. They are
// closed as lost: their sessions wait for them, and confirmed messages are in their mailboxes.
func (l *loop) shed() {
	buffers := l.srv.cfg.Buffers
	excess := buffers.Excess() + buffers.Limit()/spared
	if list, held := l.holders(); held >= buffers.Limit()/int64(2*l.srv.cfg.Loops) { // otherwise the other loops hold far more
		for _, h := range list {
			if excess <= 0 {
				break
			}
			excess -= h.bytes
			h.conn.overloaded()
		}
		l.drain()
	}
	if now := l.now(); buffers.Excess() > 0 && now-l.askedAt >= shedInterval {
		l.askedAt = now
		l.postOthers(taskWrite) // they call shed at the end of every event
	}
}

// holders returns the connections of this loop that hold buffers, the most expensive first, and their total.
func (l *loop) holders() (list []holder, held int64) {
	now := l.now()
	list = make([]holder, 0, len(l.behind))
	for i := range l.behind {
		b := &l.behind[i]
		b.update(now)
		if b.conn.outbound > 0 {
			list = append(list, holder{conn: b.conn, bytes: int64(b.conn.outbound), since: b.moved})
		}
	}
	for _, w := range l.works {
		if w.conn.outbound == 0 && w.buffered > 0 {
			list = append(list, holder{conn: w.conn, bytes: int64(w.buffered), since: w.began})
		}
	}
	const least = 100 // ms: buffers that are new cost something too
	cost := func(h holder) int64 { return h.bytes * (now - h.since + least) }
	slices.SortFunc(list, func(a, b holder) int { return cmp.Compare(cost(b), cost(a)) })
	for i := range list {
		held += list[i].bytes
	}
	return list, held
}

// overloaded closes a connection to free its buffers. A client that reads is told why.
func (c *conn) overloaded() {
	switch {
	case c.state == stateHead:
		c.turnAway(dropOverloaded)
	case c.state == stateOpen && c.outbound == 0:
		c.loop.srv.metrics.drop(dropOverloaded)
		c.queueClose(wire.CloseTryAgainLater, reasonOverloaded, signaling.Closure{By: signaling.ClosedByLoss})
		c.loop.endWork(c)
	default:
		c.remove(dropOverloaded)
	}
}
