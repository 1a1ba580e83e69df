package signaling

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// Pings carry one letter and what it is about; every WebSocket stack returns it in a pong by itself
// (RFC 6455 section 5.5.3). A pong is worth what it proves and no more: one that proves nothing new does nothing. What
// makes this instance ask Redis for a page carries a number that only a client that has read the ping can know.
const (
	pingEntry = 'a' // "a<entry ID>": all up to this entry arrived
	pingPage  = 'c' // "c<8 hex digits><entry ID>": the same, and there is more to read
	pingProbe = 'p' // "p<nonce>": the connection is alive
)

const pageNonceLen = 8

// rung takes a doorbell about this session's mailbox. The shard is locked.
func (s *Session) rung(e streams.Entry) {
	switch id := e.ID; {
	case s.state != live || id.Compare(s.last) <= 0:
	case s.catching:
		if x := s.more(); x.want.Compare(id) < 0 {
			x.want = id
		}
	case !s.follows(id):
		s.hub.metrics.holes.Inc()
		s.catchUp()
	case e.Body == "":
		s.catchUp()
	default:
		s.deliverLive(e)
	}
}

// follows reports whether id is the very next entry.
func (s *Session) follows(id streams.EntryID) bool {
	if id.Epoch == s.last.Epoch {
		return id.Seq == s.last.Seq+1
	}
	return id.Epoch == s.epoch && id.Seq == 0
}

func (s *Session) deliverLive(e streams.Entry) {
	switch s.deliver(e, true) {
	case delivered:
		if !s.proves() {
			s.written()
		}
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

// deliver queues one entry for the client, and with prove what asks for the proof that it arrived, if one is needed.
func (s *Session) deliver(e streams.Entry, prove bool) delivery {
	id, body := e.ID, e.Body
	followed := e.Trace != "" && s.hub.cfg.Tracer != nil
	var began time.Time
	if followed {
		began = time.Now()
	}
	from, ok := wire.ParseClientID([]byte(body.From()))
	if !ok {
		s.last = id
		return delivered
	}
	if !from.IsZero() && !s.introduced(from) {
		return unknownSender
	}
	var shown wire.EntryID
	if s.dialect == wire.RejoinV1 {
		shown = entryID(id)
	}
	sh := s.shard()
	sh.frame = wire.AppendRemoteData(sh.frame[:0], view(body.Data()), from, view(body.RequestID()), shown)
	text := len(sh.frame)
	if prove = prove && s.proves() && s.proof == proofNone; prove {
		sh.frame = appendPing(sh.frame, pingEntry, id)
	}
	if !s.conn.Deliver(sh.frame[:text], sh.frame[text:]) {
		s.hub.metrics.drop(dropOutputFull)
		return stalled
	}
	s.last = id
	s.out++
	if prove {
		s.proof = proofAsked
	}
	s.hub.metrics.delivered.Inc()
	if followed {
		s.traceDelivered(began, e.Trace, body)
	}
	return delivered
}

// introduced announces a sender before its first data, and reports false for one that is not known. The zero one is the operator.
func (s *Session) introduced(from wire.ClientID) bool {
	p := s.peer(from)
	if p == nil {
		return false
	}
	if !p.announced {
		p.announced = true
		s.tellJoined(p)
		s.announce(p) // it may be away by now
	}
	return true
}

// written follows what was delivered by what proves its arrival.
func (s *Session) written() {
	switch {
	case s.proves():
		if s.proof == proofNone {
			s.proof = proofAsked
			s.ping()
		}
	case s.dialect == wire.Plain:
		s.acknowledge(s.last) // written is delivered
	}
}

// ping asks for a proof that all up to the last entry delivered arrived, and for the next page if one is waited for.
func (s *Session) ping() {
	sh := s.shard() // its scratch: what goes through an interface is on the heap
	if s.extra != nil && s.extra.page != 0 {
		sh.frame = appendPageNonce(append(sh.frame[:0], pingPage), s.extra.page)
		sh.frame = s.last.AppendText(sh.frame)
	} else {
		sh.frame = appendPing(sh.frame[:0], pingEntry, s.last)
	}
	s.conn.Ping(sh.frame)
}

func appendPing(dst []byte, kind byte, upTo streams.EntryID) []byte {
	return upTo.AppendText(append(dst, kind))
}

func appendPageNonce(dst []byte, nonce uint32) []byte {
	return hex.AppendEncode(dst, binary.BigEndian.AppendUint32(make([]byte, 0, 4), nonce))
}

// await stops deliveries until the client has read what is queued.
func (s *Session) await() {
	s.catching = true
	s.more().page = 1 + rand.Uint32N(math.MaxUint32) // not 0
	s.ping()
}

// catchUp reads the mailbox after the last entry delivered, once the pause is over. The shard is locked.
func (s *Session) catchUp() {
	if s.state != live {
		return
	}
	s.catching = true
	if s.syncing || s.paused {
		return
	}
	s.ask()
	s.hub.backbone.Sync(s.held(), streams.Reading{After: s.last, Counted: s.replaying}, s.synced)
}

// ask notes that the mailbox is read now, with all that was rung for until now.
func (s *Session) ask() {
	s.syncing, s.todo = true, todoNothing
	if s.extra != nil {
		s.extra.want, s.extra.page = streams.EntryID{}, 0
	}
}

// proceed does what was put off while a call was under way. The shard is locked.
func (s *Session) proceed() {
	if s.syncing || s.paused {
		return
	}
	switch s.todo {
	case todoNothing:
		s.answer()
	case todoSync:
		s.catchUp()
	case todoRestore:
		s.restore()
	}
}

// answer gives the answers that waited until it was clear that the session is this connection's.
func (s *Session) answer() {
	if s.extra == nil || s.state != live {
		return
	}
	for _, frame := range s.extra.unanswered {
		s.conn.Send(frame)
	}
	s.extra.unanswered = nil
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
	if s.todo == todoRestore {
		s.proceed() // this answer is of the primary before
		return
	}
	switch r.Hold {
	case streams.HoldFenced:
		s.lost()
	case streams.HoldEnded:
		s.outlived()
	case streams.HoldGone:
		s.restore() // Redis lost it
	case streams.HoldOK:
		sh.giveUpGhosts(s.hub, s.room, r.Claims)
		stale := uint32(r.Version) < s.version
		s.reconcile(r.Peers, r.Version, r.Undelivered)
		s.page(r.Entries, r.More, r.Last, stale)
		s.proceed()
	}
}

// later catches up, or does what else is to be done, after d. Nothing is read or delivered before.
func (s *Session) later(d time.Duration) {
	s.catching, s.paused = true, true
	s.hub.timers.after(d, func() {
		sh := s.shard()
		sh.mu.Lock()
		defer sh.mu.Unlock()
		s.paused = false
		if s.state == live {
			s.todo = max(s.todo, todoSync)
			s.proceed()
		}
	})
}

// page delivers a page of the mailbox; last is the latest entry the mailbox ever had. stale: who was present then is
// not known, a doorbell that came since knows better. The shard is locked.
func (s *Session) page(entries []streams.Entry, more bool, last streams.EntryID, stale bool) {
	for _, e := range entries {
		if e.ID.Compare(s.last) <= 0 {
			continue
		}
		switch s.deliver(e, false) {
		case stalled:
			s.await()
			return
		case unknownSender:
			if stale { // or its own doorbell was lost
				s.later(staleRetry)
				return
			}
			s.last = e.ID // it has left since
			s.hub.metrics.superseded.Inc()
			continue
		case delivered:
			if s.replaying {
				s.hub.metrics.replayed.Inc()
			}
		}
		if s.replaying && s.proves() && wire.Kind(e.Body.Kind()) == wire.KindOffer {
			// Also behind the last one: what comes next may be rung for at any moment.
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

// Pong takes a pong's application data. Without data it is the answer to a ping of the edge's own, which hands over no
// other empty one. A client may answer the latest of several pings only (RFC 6455 section 5.5.3), so a pong that was asked for
// tells that those before it arrived; what they asked is asked again.
func (s *Session) Pong(data []byte) {
	sh := s.shard()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if s.state != live {
		return
	}
	if len(data) == 0 {
		s.askAgain()
		return
	}
	switch data[0] {
	case pingEntry:
		if s.proof == proofAsked { // at most ten times a second
			s.arrived(data[1:])
		}
	case pingPage:
		s.readAll(data[1:])
	case pingProbe:
		if s.alive(data[1:]) {
			s.askAgain()
		}
	}
}

// askAgain repeats the ping that is under way: its pong may be one of those that are left out.
func (s *Session) askAgain() {
	if s.proof == proofAsked || s.extra != nil && s.extra.page != 0 {
		s.ping()
	}
}

// readAll takes the answer to the ping behind a page: the client has read all that was queued. Any other, and the
// same once more, does nothing.
func (s *Session) readAll(answer []byte) {
	var nonce [pageNonceLen]byte
	if s.extra == nil || s.extra.page == 0 || len(answer) < pageNonceLen ||
		!bytes.Equal(answer[:pageNonceLen], appendPageNonce(nonce[:0], s.extra.page)) {
		return
	}
	s.extra.page = 0
	s.arrived(answer[pageNonceLen:])
	if s.catching {
		s.catchUp()
	}
}

// arrived takes the proof that what a plain client was sent has arrived, if that is news.
func (s *Session) arrived(upTo []byte) {
	text, ok := wire.ParseEntryID(upTo)
	id := streams.EntryID(text)
	if !ok || !s.proves() || !s.moves(id) {
		return
	}
	s.acknowledge(id)
	switch {
	case s.acked.Compare(s.last) == 0:
		s.proof = proofNone
	case s.proof != proofLater:
		s.proof = proofLater
		s.shard().askLater(s)
	}
}

// proofEvery is how long the next proof is put off when more was delivered while the last one was under way: a client that
// gets many messages a second answers ten pings and not one for each of them.
const proofEvery = 100 * time.Millisecond

// askLater has a session asked for proof with the others of its shard that wait for that. The shard is locked.
func (sh *shard) askLater(s *Session) {
	if sh.unproven = append(sh.unproven, s); len(sh.unproven) == 1 {
		s.hub.timers.after(proofEvery, sh.askUnproven)
	}
}

func (sh *shard) askUnproven() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for _, s := range sh.unproven {
		if s.state == live && s.proof == proofLater {
			s.proof = proofNone
			s.written()
		}
	}
	sh.unproven = nil
}

// flushEntries is how many acknowledged entries are flushed without waiting for the second to pass: a client that gets
// hundreds of messages a second and acknowledges them all does not run into its mailbox' bound (256 by default).
const flushEntries = 64

// moves reports whether an entry was delivered on this connection and is ahead of the client's position.
func (s *Session) moves(id streams.EntryID) bool {
	return id.Compare(s.last) <= 0 && id.Compare(s.acked) > 0
}

// acknowledge moves the client's position. It is flushed at once if that has not been done for a second,
// otherwise by the sweep. An entry that was never delivered on this connection, or is behind the position already, changes nothing.
func (s *Session) acknowledge(id streams.EntryID) {
	if !s.moves(id) {
		return
	}
	entries := uint64(1)
	if id.Epoch == s.acked.Epoch {
		entries = id.Seq - s.acked.Seq
	}
	s.acked, s.unflushed = id, uint8(min(uint64(s.unflushed)+entries, flushEntries)) //nolint:gosec // bounded
	now := s.hub.now()
	if s.unflushed == flushEntries || !s.dirty && s.flushable(now) {
		s.flush(now)
		return
	}
	if s.dirty {
		return
	}
	s.dirty = true
	sh := s.shard()
	sh.dirty = append(sh.dirty, s)
}

// flushable reports whether the last flush is long enough ago.
func (s *Session) flushable(now uint32) bool {
	return now-s.flushed >= uint32(flushEvery.Milliseconds())
}

// flush sends the position to Redis.
func (s *Session) flush(now uint32) {
	s.flushed, s.unflushed = now, 0
	s.hub.backbone.Ack(s.held(), s.acked, s.acknowledged)
}
