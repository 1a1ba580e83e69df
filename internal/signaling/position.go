package signaling

import (
	"slices"
	"time"

	"github.com/rejoin-dev/rejoin/streams"
)

// A client's position is what it has acknowledged. Redis frees what lies before it, and is told of it once in a while: each time costs it more than to
// store a message, and a wake. So positions wait for one another, and for other calls to travel with.
const (
	// flushEvery is how often the position of one client is flushed at most: a little less than a sweep, whose ticks are not exact.
	flushEvery = 900 * time.Millisecond
	// flushEntries is how many acknowledged entries are flushed without waiting for the second to pass: a client that gets
	// hundreds of messages a second and acknowledges them all does not run into its mailbox' bound (256 by default).
	flushEntries = 64
	// A position that frees little may wait for the next call to the same primary: few entries, none of them large. The lease
	// is renewed about as often.
	fewEntries  = 8
	largeBody   = 4 << 10
	ackPatience = 3 * time.Second
	// provenPatience is how long the position of a plain client that is waited for may wait. It cannot say what it has: should its instance be
	// killed, it would be sent that again.
	provenPatience = 50 * time.Millisecond
)

// flushing is a set of flags.
type flushing uint8

const (
	flushListed      flushing = 1 << iota // in the shard's dirty list
	flushUnderWay                         // Redis has been told, or is about to be
	flushLarge                            // a large message was delivered since
	flushDescription                      // so was an OFFER or ANSWER to a PeerJS client, which does not bear the same again
)

// moves reports whether an entry was delivered on this connection and is ahead of the client's position.
func (s *Attachment) moves(id streams.EntryID) bool {
	return id.Compare(s.last) <= 0 && id.Compare(s.acked) > 0
}

// acknowledge moves the client's position. The sweep flushes it, unless there is much to be freed. That of a plain client that is waited for is
// flushed at once if that has not been done for a second. An entry that was never delivered on this connection, or is behind the position
// already, changes nothing.
func (s *Attachment) acknowledge(id streams.EntryID) {
	if !s.moves(id) {
		return
	}
	entries := id.Seq + 1 // of this epoch at least, if none was acknowledged before
	if id.Epoch == s.acked.Epoch {
		entries = id.Seq - s.acked.Seq
	}
	s.acked, s.unflushed = id, uint8(min(uint64(s.unflushed)+min(entries, flushEntries), flushEntries))
	now := s.hub.now()
	if s.unflushed == flushEntries || s.flushing&flushDescription != 0 || s.flushing&flushListed == 0 && s.flushable(now) && (s.proves() || !s.freesLittle()) {
		s.flush(now)
		return
	}
	s.flushLater()
}

// flushLater leaves it to the sweep.
func (s *Attachment) flushLater() {
	if s.flushing&flushListed != 0 {
		return
	}
	s.flushing |= flushListed
	sh := s.shard()
	sh.dirty = append(sh.dirty, s)
}

// flushable reports whether the last flush is long enough ago.
func (s *Attachment) flushable(now uint32) bool {
	return now-s.flushed >= uint32(flushEvery.Milliseconds())
}

func (s *Attachment) freesLittle() bool {
	return s.unflushed <= fewEntries && s.flushing&flushLarge == 0
}

// flush has the position sent to Redis.
func (s *Attachment) flush(now uint32) {
	p := streams.Position{UpTo: s.acked}
	switch {
	case s.proves():
		p.Patience = provenPatience
	case s.freesLittle():
		p.Patience = ackPatience
	}
	if s.unflushed == flushEntries || s.flushing&flushDescription != 0 {
		p.Patience = 0
	}
	s.flushed, s.unflushed = now, 0
	s.flushing = s.flushing&^flushLarge | flushUnderWay
	if s.acked == s.last {
		s.flushing &^= flushDescription
	}
	s.hub.backbone.Ack(s.ref(), p, s.acknowledged)
}

// retire has the older token retired, and the position flushed with it: the client has said something, so it has the newer one. Until that is done, the
// client's own slow attempt with the older one could evict it.
func (s *Attachment) retire() {
	if s.unflushed > 0 {
		s.flushed, s.unflushed = s.hub.now(), 0
		s.hub.backbone.Ack(s.ref(), streams.Position{UpTo: s.acked}, s.acknowledged)
		return
	}
	s.hub.backbone.Ack(s.ref(), streams.Position{}, s.acknowledged)
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

// flushDue flushes if the last time is a second ago and over, and reports whether that is settled. The shard is locked.
func (s *Attachment) flushDue(now uint32) bool {
	switch {
	case s.state != live:
	case !s.flushable(now) || s.flushing&flushUnderWay != 0 && s.freesLittle():
		return false
	default:
		s.flush(now)
	}
	s.flushing &^= flushListed
	return true
}

func (s *Attachment) acknowledged(hold streams.Holding, err error) {
	s.locked(func() {
		s.flushing &^= flushUnderWay
		switch {
		case s.state != live:
		case err != nil:
			s.flushLater()
		case hold != streams.HoldingOurs:
			s.catchUp()
		}
	})
}
