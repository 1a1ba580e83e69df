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

// spared is what shedding leaves free in the end, as a share of the budget: one look at all connections serves for a while.
const spared = 16

// shedInterval is how often the other loops are asked to help, in ms.
const shedInterval = 10

// shed closes connections when all buffers of the process together hold too much: those of this loop, first the ones that cost most in
// bytes and in time. They are closed as lost: their sessions wait for them, and what was confirmed is in their mailboxes.
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
		l.postOthers(taskWrite) // they look at the end of every event
	}
}

// holders returns the connections of this loop that hold buffers, the most expensive first, and what they hold together.
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
	const least = 100 // ms: what has just come costs something too
	cost := func(h holder) int64 { return h.bytes * (now - h.since + least) }
	slices.SortFunc(list, func(a, b holder) int { return cmp.Compare(cost(b), cost(a)) })
	for i := range list {
		held += list[i].bytes
	}
	return list, held
}

// overloaded closes a connection for the sake of its buffers. A client that reads is told why.
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
