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
	pingLate  = 't' // "t": what it was told of messages whose TTL is over has arrived
)

const pageNonceLen = 8

// mailboxBell takes a doorbell about this session's mailbox. The shard is locked.
func (s *Attachment) mailboxBell(e streams.Entry) {
	switch id := e.ID; {
	case s.state != live || id.Compare(s.last) <= 0:
	case s.catching:
		if x := s.ensureExtra(); x.want.Compare(id) < 0 {
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
func (s *Attachment) follows(id streams.EntryID) bool {
	if id.Epoch == s.last.Epoch {
		return id.Seq == s.last.Seq+1
	}
	return id.Epoch == s.epoch && id.Seq == 0
}

func (s *Attachment) deliverLive(e streams.Entry) {
	switch s.deliver(e, askProof) {
	case delivered:
		if !s.proves() {
			s.requestProof()
		}
	case unknownSender:
		s.catchUp() // the mailbox and the presence of one moment
	case stalled:
		s.awaitClient()
	}
}

type delivery uint8

const (
	delivered delivery = iota
	unknownSender
	stalled
)

// proofMode says whether a delivery also asks for the proof that it arrived, if one is needed.
type proofMode uint8

const (
	noProof proofMode = iota
	askProof
)

// deliver queues one entry for the client.
func (s *Attachment) deliver(e streams.Entry, mode proofMode) delivery {
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
	if !from.IsZero() && !s.announceSender(from) {
		return unknownSender
	}
	var shown wire.EntryID
	if s.dialect == wire.RejoinV1 {
		shown = id
	}
	sh := s.shard()
	if s.dialect == wire.PeerJS {
		sh.frame = append(sh.frame[:0], body.Data()...)
	} else {
		sh.frame = wire.AppendRemoteData(sh.frame[:0], view(body.Data()), from, view(body.RequestID()), shown)
	}
	text := len(sh.frame)
	description := wire.Kind(body.Kind()) == wire.KindDescription
	prove := mode == askProof && s.proves() && (s.proof == proofNone || description)
	if prove {
		sh.frame = appendPing(sh.frame, pingEntry, id)
	}
	if !s.conn.Deliver(sh.frame[:text], sh.frame[text:]) {
		s.hub.metrics.drop(dropOutputFull)
		return stalled
	}
	s.last = id
	s.out++
	if len(body) > largeBody {
		s.flushing |= flushLarge
	}
	if description {
		s.flushing |= flushDescription
	}
	if prove && s.proof == proofNone {
		s.proof = proofPending
	}
	s.hub.metrics.delivered.Inc()
	if followed {
		s.traceDelivered(began, e.Trace, body)
	}
	return delivered
}

// announceSender announces a sender before its first data, and reports false for one that is not known. The zero one is the operator.
func (s *Attachment) announceSender(from wire.ClientID) bool {
	p := s.peer(from)
	if p == nil {
		return false
	}
	if !p.announced {
		p.announced = true
		s.sendJoined(p)
		s.announceChange(p) // it may be away by now
	}
	return true
}

// requestProof follows what was delivered by what proves its arrival.
func (s *Attachment) requestProof() {
	switch {
	case s.proves():
		if s.proof == proofNone {
			s.proof = proofPending
			s.sendPing()
		}
	case s.dialect == wire.Plain:
		s.acknowledge(s.last) // written is delivered
	}
}

// sendPing asks for a proof that all up to the last entry delivered arrived, and for the next page if one is waited for.
func (s *Attachment) sendPing() {
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

// awaitClient stops deliveries until the client has read what is queued.
func (s *Attachment) awaitClient() {
	s.catching = true
	s.ensureExtra().page = 1 + rand.Uint32N(math.MaxUint32) // not 0
	s.sendPing()
}

// catchUp reads the mailbox after the last entry delivered, once the pause is over. The shard is locked.
func (s *Attachment) catchUp() {
	if s.state != live {
		return
	}
	s.catching = true
	if s.syncing || s.paused {
		return
	}
	s.beginRead()
	s.hub.backbone.Sync(s.ref(), streams.Reading{After: s.last, Counted: s.replaying}, s.synced)
}

// beginRead notes that the mailbox is read now, with all that was rung for until now.
func (s *Attachment) beginRead() {
	s.syncing, s.todo = true, todoNothing
	if s.extra != nil {
		s.extra.want, s.extra.page = streams.EntryID{}, 0
	}
}

// proceed does what was put off while a call was under way. The shard is locked.
func (s *Attachment) proceed() {
	if s.syncing || s.paused {
		return
	}
	switch s.todo {
	case todoNothing:
		s.sendWithheld()
	case todoSync:
		s.catchUp()
	case todoRestore:
		s.restore()
	}
}

// sendWithheld sends the answers that were withheld until it was clear that the session is this connection's.
func (s *Attachment) sendWithheld() {
	if s.extra == nil || s.state != live {
		return
	}
	for _, frame := range s.extra.withheld {
		s.conn.Send(frame)
	}
	s.extra.withheld = nil
}

func (s *Attachment) synced(r streams.Synced, err error) {
	sh := s.shard()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	s.syncing = false
	if s.state != live {
		return
	}
	if err != nil {
		s.readLater(syncRetry)
		return
	}
	if s.todo == todoRestore {
		s.proceed() // this answer is of the primary before
		return
	}
	switch r.Holding {
	case streams.HoldingFenced:
		s.fencedBySync()
	case streams.HoldingEnded:
		s.endedElsewhere()
	case streams.HoldingGone:
		s.restore() // Redis lost it
	case streams.HoldingOurs:
		sh.detachGhosts(s.hub, s.room, r.Claims)
		stale := uint32(r.Version) < s.version
		s.overdue(lateOf(r.Undelivered))
		s.reconcile(r.Peers, r.Version, r.Undelivered)
		s.deliverPage(page{r.Entries, r.More, r.Last, stale})
		s.proceed()
	}
}

// readLater catches up, or does what else is to be done, after d. Nothing is read or delivered before.
func (s *Attachment) readLater(d time.Duration) {
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

// page is a part of the mailbox as Redis answered it.
type page struct {
	entries []streams.Entry
	more    bool            // entries follow
	last    streams.EntryID // the latest entry the mailbox ever had
	stale   bool            // the peers of that moment are not known: a doorbell that came since knows better
}

// deliverPage delivers a page of the mailbox. The shard is locked.
func (s *Attachment) deliverPage(p page) {
	for _, e := range p.entries {
		if e.ID.Compare(s.last) <= 0 {
			continue
		}
		switch s.deliver(e, noProof) {
		case stalled:
			s.awaitClient()
			return
		case unknownSender:
			if p.stale { // or its own doorbell was lost
				s.readLater(staleRetry)
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
			s.requestProof()
			s.readLater(offerPause)
			return
		}
	}
	if len(p.entries) > 0 {
		s.requestProof()
	}
	if p.more {
		s.awaitClient() // the pong asks for the next page
		return
	}
	if s.last.Compare(p.last) < 0 {
		s.last = p.last
	}
	s.catching, s.replaying = false, false
	if s.extra != nil && s.last.Compare(s.extra.want) < 0 {
		s.catchUp()
	}
}

// Pong takes a pong's application data. Without data it is the answer to a ping of the edge's own, which hands over no
// other empty one. A client may answer the latest of several pings only (RFC 6455 section 5.5.3), so a pong we asked for
// proves that the pings before it arrived; a ping still under way is repeated.
func (s *Attachment) Pong(data []byte) {
	sh := s.shard()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if s.state != live {
		return
	}
	if len(data) == 0 {
		s.repeatPing()
		return
	}
	switch data[0] {
	case pingLate:
		s.lateProven()
	case pingEntry:
		if s.proof == proofPending || s.proof == proofLater && s.dialect == wire.PeerJS { // at most ten times a second, and for each description
			s.arrived(data[1:])
		}
	case pingPage:
		s.pageRead(data[1:])
		s.repeatLatePing()
	case pingProbe:
		if s.alive(data[1:]) {
			s.repeatPing()
		}
	}
}

// repeatPing repeats the ping that is under way: its pong may be one of those that are left out.
func (s *Attachment) repeatPing() {
	if s.proof == proofPending || s.extra != nil && s.extra.page != 0 {
		s.sendPing()
	}
	s.repeatLatePing()
}

// pageRead takes the answer to the ping behind a page: the client has read all that was queued. Any other, and the
// same once more, does nothing.
func (s *Attachment) pageRead(answer []byte) {
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
func (s *Attachment) arrived(upTo []byte) {
	id, ok := wire.ParseEntryID(upTo)
	if !ok || !s.proves() || !s.moves(id) {
		return
	}
	s.acknowledge(id)
	switch {
	case s.acked.Compare(s.last) == 0:
		s.proof = proofNone
	case s.proof != proofLater:
		s.proof = proofLater
		s.shard().deferProof(s)
	}
}

// proofEvery is how long the next proof is put off when more was delivered while the last one was under way: a client that
// gets many messages a second answers ten pings and not one for each of them.
const proofEvery = 100 * time.Millisecond

// deferProof has a session asked for proof with the others of its shard that wait for that. The shard is locked.
func (sh *shard) deferProof(s *Attachment) {
	if sh.unproven = append(sh.unproven, s); len(sh.unproven) == 1 {
		s.hub.timers.after(proofEvery, sh.requestProofs)
	}
}

func (sh *shard) requestProofs() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for _, s := range sh.unproven {
		if s.state == live && s.proof == proofLater {
			s.proof = proofNone
			s.requestProof()
		}
	}
	sh.unproven = nil
}
