package signaling

import (
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// Pings carry one letter and what it is about; every WebSocket stack returns it in a pong by itself
// (RFC 6455 section 5.5.3).
const (
	pingEntry = 'a' // "a<entry ID>": all up to this entry arrived
	pingPage  = 'c' // the page before this ping was read
	pingProbe = 'p' // "p<nonce> <instance>": the connection is alive
)

// rung takes a doorbell about this session's mailbox. The shard is locked.
func (s *Session) rung(id streams.EntryID, body streams.Body) {
	switch {
	case s.state == attaching:
		s.opening.resync = true
	case s.state != live || id.Compare(s.last) <= 0:
	case s.catching:
		if x := s.more(); x.want.Compare(id) < 0 {
			x.want = id
		}
	case !s.follows(id):
		s.hub.metrics.holes.Inc()
		s.catchUp()
	case body == "":
		s.catchUp()
	default:
		s.deliverLive(id, body)
	}
}

// follows reports whether id is the very next entry.
func (s *Session) follows(id streams.EntryID) bool {
	if id.Epoch == s.last.Epoch {
		return id.Seq == s.last.Seq+1
	}
	return id.Epoch == s.epoch && id.Seq == 0
}

func (s *Session) deliverLive(id streams.EntryID, body streams.Body) {
	switch s.deliver(id, body) {
	case delivered:
		s.written()
	case unknownSender:
		s.catchUp() // the mailbox and the presence of one moment
	case stalled:
		s.await()
	}
}

type delivery uint8

const (
	delivered delivery = iota
	unknownSender
	stalled
)

// deliver queues one entry for the client.
func (s *Session) deliver(id streams.EntryID, body streams.Body) delivery {
	from, ok := wire.ParseClientID([]byte(body.From()))
	if !ok {
		s.last = id
		return delivered
	}
	p := s.peer(from)
	if p == nil {
		return unknownSender
	}
	if !p.announced {
		p.announced = true
		s.tell(wire.JustConnected, from)
	}
	var shown wire.EntryID
	if s.dialect == wire.RejoinV1 {
		shown = entryID(id)
	}
	sh := s.shard()
	sh.frame = wire.AppendRemoteData(sh.frame[:0], view(body.Data()), from, view(body.RequestID()), shown)
	if !s.conn.Deliver(sh.frame) {
		s.hub.metrics.drop(dropOutputFull)
		return stalled
	}
	s.last = id
	s.hub.metrics.delivered.Inc()
	return delivered
}

// written follows what was delivered by what proves its arrival.
func (s *Session) written() {
	switch {
	case s.proves():
		if !s.pinged {
			s.pinged = true
			s.pingLast()
		}
	case s.dialect == wire.Plain:
		s.acknowledge(s.last) // written is delivered
	}
}

func (s *Session) pingLast() {
	var data [64]byte
	s.conn.Ping(s.last.AppendText(append(data[:0], pingEntry)))
}

// await stops deliveries until the client has read what is queued.
func (s *Session) await() {
	s.catching = true
	s.conn.Ping([]byte{pingPage})
}

// catchUp reads the mailbox after the last entry delivered. The shard is locked.
func (s *Session) catchUp() {
	s.catching = true
	if s.syncing || s.state != live {
		return
	}
	s.syncing = true
	s.hub.backbone.Sync(s.held(), s.last, s.synced)
}

func (s *Session) synced(r streams.Synced, err error) {
	sh := s.shard()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	s.syncing = false
	if s.state != live {
		return
	}
	if err != nil {
		s.later(syncRetry)
		return
	}
	switch r.Hold {
	case streams.HoldFenced:
		s.fence()
	case streams.HoldGone:
		s.restore()
	case streams.HoldOK:
		s.reconcile(r.Peers, r.Version)
		s.page(r.Entries, r.More, r.Last)
	}
}

// later catches up after d.
func (s *Session) later(d time.Duration) {
	s.catching, s.paused = true, true
	time.AfterFunc(d, func() {
		sh := s.shard()
		sh.mu.Lock()
		defer sh.mu.Unlock()
		s.paused = false
		if s.state == live {
			s.catchUp()
		}
	})
}

// page delivers a page of the mailbox; last is the latest entry the mailbox ever had. The shard is locked.
func (s *Session) page(entries []streams.Entry, more bool, last streams.EntryID) {
	for i, e := range entries {
		if e.ID.Compare(s.last) <= 0 {
			continue
		}
		switch s.deliver(e.ID, e.Body) {
		case stalled:
			s.await()
			return
		case unknownSender: // it has left since
			s.last = e.ID
			s.hub.metrics.superseded.Inc()
			continue
		case delivered:
			if s.replaying {
				s.hub.metrics.replayed.Inc()
			}
		}
		if s.replaying && s.proves() && wire.Kind(e.Body.Kind()) == wire.KindOffer && (more || i < len(entries)-1) {
			s.written()
			s.later(offerPause)
			return
		}
	}
	if len(entries) > 0 {
		s.written()
	}
	if more {
		s.await() // the pong asks for the next page
		return
	}
	if s.last.Compare(last) < 0 {
		s.last = last
	}
	s.catching, s.replaying = false, false
	if s.extra != nil && s.last.Compare(s.extra.want) < 0 {
		s.catchUp()
	}
}

// Pong takes a pong's application data.
func (s *Session) Pong(data []byte) {
	if len(data) == 0 {
		return
	}
	sh := s.shard()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if s.state != live {
		return
	}
	switch data[0] {
	case pingEntry:
		if id, ok := wire.ParseEntryID(data[1:]); ok && s.proves() {
			s.acknowledge(streams.EntryID(id))
			s.pinged = false
			if s.acked.Compare(s.last) < 0 {
				s.written()
			}
		}
	case pingProbe:
		s.alive(data[1:])
	}
	if s.catching && !s.paused {
		s.catchUp()
	}
}

// acknowledge moves the client's position; it is flushed by the sweep. An entry that was never delivered on
// this connection, or is behind the position already, changes nothing.
func (s *Session) acknowledge(id streams.EntryID) {
	if id.Compare(s.last) > 0 || id.Compare(s.acked) <= 0 {
		return
	}
	s.acked = id
	if !s.dirty {
		s.dirty = true
		sh := s.shard()
		sh.dirty = append(sh.dirty, s)
	}
}
