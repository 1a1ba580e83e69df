package signaling

import (
	"slices"
	"time"

	"github.com/rejoin-dev/rejoin/streams"
)

// A client's position is the last entry it has acknowledged. Redis frees entries up to it. Flushing a position costs Redis more than
// storing a message, plus a wakeup, so positions are flushed only now and then, together with one another and with other calls.
const (
	// flushEvery is the shortest interval between two flushes of one client's position: slightly less than a sweep, whose ticks are not
	// exact.
	flushEvery = 900 * time.Millisecond
	// flushEntries is how many acknowledged entries are flushed without waiting for the second to pass: a client that gets and acknowledges
	// hundreds of messages a second must not hit its mailbox limit (256 by default).
	flushEntries = 64
	// A position that frees little (few entries, none large) may wait for the next call to the same primary. The lease is renewed about as
	// often.
	fewEntries  = 8
	largeBody   = 4 << 10
	ackPatience = 3 * time.Second
	// provenPatience is how long the position of a plain client with a grace window may wait. Such a client cannot say what it has: if its
	// instance were killed, it would get those entries again.
	provenPatience = 50 * time.Millisecond
)

// flushing is a set of flags.
type flushing uint8

const (
	flushListed      flushing = 1 << iota // in the shard's dirty list
	flushUnderWay                         // a flush is on its way to Redis, or about to be
	flushLarge                            // a large message was delivered since
	flushDescription                      // so was an OFFER or ANSWER to a PeerJS client, which cannot handle a duplicate
)

// moves reports whether an entry was delivered on this connection and is ahead of the client's position.
func (a *Attachment) moves(id streams.EntryID) bool {
	return id.Compare(a.last) <= 0 && id.Compare(a.acked) > 0
}

// acknowledge moves the client's position. The sweep flushes it, unless there is much to free. For a plain client with a grace window, it
// is flushed at once if the last flush is a second ago. An entry that was never delivered on this connection, or is not ahead of the
// position, changes nothing.
func (a *Attachment) acknowledge(id streams.EntryID) {
	if !a.moves(id) {
		return
	}
	entries := id.Seq + 1 // of this epoch at least, if none was acknowledged before
	if id.Epoch == a.acked.Epoch {
		entries = id.Seq - a.acked.Seq
	}
	a.acked, a.unflushed = id, uint8(min(uint64(a.unflushed)+min(entries, flushEntries), flushEntries))
	now := a.hub.now()
	if a.unflushed == flushEntries || a.flushing&flushDescription != 0 || a.flushing&flushListed == 0 && a.flushable(now) && (a.proves() || !a.freesLittle()) {
		a.flush(now)
		return
	}
	a.flushLater()
}

// flushLater leaves it to the sweep.
func (a *Attachment) flushLater() {
	if a.flushing&flushListed != 0 {
		return
	}
	a.flushing |= flushListed
	sh := a.shard()
	sh.dirty = append(sh.dirty, a)
}

// flushable reports whether the last flush is long enough ago.
func (a *Attachment) flushable(now uint32) bool {
	return now-a.flushed >= uint32(flushEvery.Milliseconds())
}

func (a *Attachment) freesLittle() bool {
	return a.unflushed <= fewEntries && a.flushing&flushLarge == 0
}

// flush sends the position to Redis.
func (a *Attachment) flush(now uint32) {
	p := streams.Position{UpTo: a.acked}
	switch {
	case a.proves():
		p.Patience = provenPatience
	case a.freesLittle():
		p.Patience = ackPatience
	}
	if a.unflushed == flushEntries || a.flushing&flushDescription != 0 {
		p.Patience = 0
	}
	a.flushed, a.unflushed = now, 0
	a.flushing = a.flushing&^flushLarge | flushUnderWay
	if a.acked == a.last {
		a.flushing &^= flushDescription
	}
	a.hub.backbone.Ack(a.ref(), p, a.acknowledged)
}

// retire retires the older token and flushes the position with it: the client has spoken, so it has the newer token. Until then, the
// client's own slow attempt with the older token could evict it.
func (a *Attachment) retire() {
	if a.unflushed > 0 {
		a.flushed, a.unflushed = a.hub.now(), 0
		a.hub.backbone.Ack(a.ref(), streams.Position{UpTo: a.acked}, a.acknowledged)
		return
	}
	a.hub.backbone.Ack(a.ref(), streams.Position{}, a.acknowledged)
}

// flush sends the positions of the clients that moved.
func (h *Hub) flush() {
	now := h.now()
	for i := range h.shards {
		sh := &h.shards[i]
		sh.mu.Lock()
		sh.dirty = slices.DeleteFunc(sh.dirty, func(s *Attachment) bool { return s.flushDue(now) })
		if len(sh.dirty) == 0 {
			sh.dirty = nil
		}
		sh.mu.Unlock()
	}
}

// flushDue flushes if the last flush is at least a second ago, and reports whether nothing is left to flush. The shard is locked.
func (a *Attachment) flushDue(now uint32) bool {
	switch {
	case a.state != live:
	case !a.flushable(now) || a.flushing&flushUnderWay != 0 && a.freesLittle():
		return false
	default:
		a.flush(now)
	}
	a.flushing &^= flushListed
	return true
}

func (a *Attachment) acknowledged(hold streams.Holding, err error) {
	a.locked(func() {
		a.flushing &^= flushUnderWay
		switch {
		case a.state != live:
		case err != nil:
			a.flushLater()
		case hold != streams.HoldingOurs:
			a.catchUp()
		}
	})
}
