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

// Pings carry a letter and an argument; every WebSocket stack returns them in a pong by itself (RFC 6455 section 5.5.3). A pong counts only
// for what it proves: one that proves nothing new does nothing. A pong that makes this instance read a page from Redis carries a number
// that only a client that has read the ping can know.
const (
	pingEntry  = 'a' // "a<entry ID>": all up to this entry arrived
	pingPage   = 'c' // "c<8 hex digits><entry ID>": the same, and there is more to read
	pingProbe  = 'p' // "p<nonce>": the connection is alive
	pingHolder = 'h' // "h<session>": the client asking for a session that this one has is still there
	pingLate   = 't' // "t": notices about messages whose TTL is over have arrived
)

const pageNonceLen = 8

// mailboxBell handles a doorbell about this session's mailbox. The shard is locked.
func (a *Attachment) mailboxBell(e streams.Entry) {
	switch id := e.ID; {
	case a.state != live || id.Compare(a.last) <= 0:
	case a.catching:
		if x := a.ensureExtra(); x.want.Compare(id) < 0 {
			x.want = id
		}
	case !a.follows(id):
		a.hub.metrics.holes.Inc()
		a.catchUp()
	case e.Body == "":
		a.catchUp()
	default:
		a.deliverLive(e)
	}
}

// follows reports whether id is the very next entry.
func (a *Attachment) follows(id streams.EntryID) bool {
	if id.Epoch == a.last.Epoch {
		return id.Seq == a.last.Seq+1
	}
	return id.Epoch == a.epoch && id.Seq == 0
}

func (a *Attachment) deliverLive(e streams.Entry) {
	switch a.deliver(e, askProof) {
	case delivered:
		if !a.proves() {
			a.requestProof()
		}
	case unknownSender:
		a.catchUp() // the mailbox and the presence of the same moment
	case stalled:
		a.awaitClient()
	}
}

type delivery uint8

const (
	delivered delivery = iota
	unknownSender
	stalled
)

// proofMode says whether a delivery also requests the proof of its arrival, if one is needed.
type proofMode uint8

const (
	noProof proofMode = iota
	askProof
)

// deliver queues one entry for the client.
func (a *Attachment) deliver(e streams.Entry, mode proofMode) delivery {
	id, body := e.ID, e.Body
	followed := e.Trace != "" && a.hub.cfg.Tracer != nil
	var began time.Time
	if followed {
		began = time.Now()
	}
	from, ok := wire.ParseClientID([]byte(body.From()))
	if !ok {
		a.last = id
		return delivered
	}
	if !from.IsZero() && !a.announceSender(from) {
		return unknownSender
	}
	var shown wire.EntryID
	if a.dialect == wire.RejoinV1 {
		shown = id
	}
	sh := a.shard()
	if a.dialect == wire.PeerJS {
		sh.frame = append(sh.frame[:0], body.Data()...)
	} else {
		sh.frame = wire.AppendRemoteData(sh.frame[:0], view(body.Data()), from, view(body.RequestID()), shown)
	}
	text := len(sh.frame)
	description := wire.Kind(body.Kind()) == wire.KindDescription
	prove := mode == askProof && a.proves() && (a.proof == proofNone || description)
	if prove {
		sh.frame = appendPing(sh.frame, pingEntry, id)
	}
	if !a.conn.Deliver(sh.frame[:text], sh.frame[text:]) {
		a.hub.metrics.drop(dropOutputFull)
		return stalled
	}
	a.last = id
	a.out++
	if len(body) > largeBody {
		a.flushing |= flushLarge
	}
	if description {
		a.flushing |= flushDescription
	}
	if prove && a.proof == proofNone {
		a.proof = proofPending
	}
	a.hub.metrics.delivered.Inc()
	if followed {
		a.traceDelivered(began, e.Trace, body)
	}
	return delivered
}

// announceSender announces a sender before its first data, and reports false for an unknown sender. The zero ID is the operator.
func (a *Attachment) announceSender(from wire.ClientID) bool {
	p := a.peer(from)
	if p == nil {
		return false
	}
	if !p.announced {
		p.announced = true
		a.sendJoined(p)
		a.announceChange(p) // it may be suspended by now
	}
	return true
}

// requestProof sends the ping that proves the arrival of delivered entries.
func (a *Attachment) requestProof() {
	switch {
	case a.proves():
		if a.proof == proofNone {
			a.proof = proofPending
			a.sendPing()
		}
	case a.dialect == wire.Plain:
		a.acknowledge(a.last) // written counts as delivered
	}
}

// sendPing asks for proof that all entries up to the last delivered one arrived, and for the next page if one is due.
func (a *Attachment) sendPing() {
	sh := a.shard() // its scratch buffer: a local one would escape to the heap
	if a.extra != nil && a.extra.page != 0 {
		sh.frame = appendPageNonce(append(sh.frame[:0], pingPage), a.extra.page)
		sh.frame = a.last.AppendText(sh.frame)
	} else {
		sh.frame = appendPing(sh.frame[:0], pingEntry, a.last)
	}
	a.conn.Ping(sh.frame)
}

func appendPing(dst []byte, kind byte, upTo streams.EntryID) []byte {
	return upTo.AppendText(append(dst, kind))
}

func appendPageNonce(dst []byte, nonce uint32) []byte {
	return hex.AppendEncode(dst, binary.BigEndian.AppendUint32(make([]byte, 0, 4), nonce))
}

// awaitClient stops deliveries until the client has read its queue.
func (a *Attachment) awaitClient() {
	a.catching = true
	a.ensureExtra().page = 1 + rand.Uint32N(math.MaxUint32) // not 0
	a.sendPing()
}

// catchUp reads the mailbox after the last delivered entry, once any pause is over. The shard is locked.
func (a *Attachment) catchUp() {
	if a.state != live {
		return
	}
	a.catching = true
	if a.syncing || a.paused {
		return
	}
	a.beginRead()
	a.hub.backbone.Sync(a.ref(), streams.Reading{After: a.last, Counted: a.replaying}, a.synced)
}

// beginRead records that the mailbox is being read, which covers all doorbells so far.
func (a *Attachment) beginRead() {
	a.syncing, a.todo = true, todoNothing
	if a.extra != nil {
		a.extra.want, a.extra.page = streams.EntryID{}, 0
	}
}

// proceed runs the step that was deferred while a call was pending. The shard is locked.
func (a *Attachment) proceed() {
	if a.syncing || a.paused {
		return
	}
	switch a.todo {
	case todoNothing:
		a.sendWithheld()
	case todoSync:
		a.catchUp()
	case todoRestore:
		a.restore()
	}
}

// sendWithheld sends the answers withheld until it was clear that this connection has the session.
func (a *Attachment) sendWithheld() {
	if a.extra == nil || a.state != live {
		return
	}
	for _, frame := range a.extra.withheld {
		a.conn.Send(frame)
	}
	a.extra.withheld = nil
}

func (a *Attachment) synced(r streams.Synced, err error) {
	sh := a.shard()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	a.syncing = false
	if a.state != live {
		return
	}
	if err != nil {
		a.readLater(syncRetry)
		return
	}
	if a.todo == todoRestore {
		a.proceed() // this answer came from the previous primary
		return
	}
	switch r.Holding {
	case streams.HoldingFenced:
		a.fencedBySync()
	case streams.HoldingEnded:
		a.endedElsewhere()
	case streams.HoldingGone:
		a.restore() // Redis lost it
	case streams.HoldingOurs:
		sh.detachGhosts(a.hub, a.room, r.Claims)
		stale := uint32(r.Version) < a.version
		a.overdue(lateOf(r.Undelivered))
		a.reconcile(r.Peers, r.Version, r.Undelivered)
		a.deliverPage(page{r.Entries, r.More, r.Last, stale})
		a.proceed()
	}
}

// readLater catches up, or runs another deferred step, after d. Nothing is read or delivered before then.
func (a *Attachment) readLater(d time.Duration) {
	a.catching, a.paused = true, true
	a.hub.timers.after(d, func() {
		sh := a.shard()
		sh.mu.Lock()
		defer sh.mu.Unlock()
		a.paused = false
		if a.state == live {
			a.todo = max(a.todo, todoSync)
			a.proceed()
		}
	})
}

// page is a part of the mailbox, as returned by Redis.
type page struct {
	entries []streams.Entry
	more    bool            // entries follow
	last    streams.EntryID // the latest entry the mailbox ever had
	stale   bool            // the peers of that moment are unknown: a later doorbell is newer
}

// deliverPage delivers a page of the mailbox. The shard is locked.
func (a *Attachment) deliverPage(p page) {
	for _, e := range p.entries {
		if e.ID.Compare(a.last) <= 0 {
			continue
		}
		switch a.deliver(e, noProof) {
		case stalled:
			a.awaitClient()
			return
		case unknownSender:
			if p.stale { // or its own doorbell was lost
				a.readLater(staleRetry)
				return
			}
			a.last = e.ID // the sender has left since
			a.hub.metrics.superseded.Inc()
			continue
		case delivered:
			if a.replaying {
				a.hub.metrics.replayed.Inc()
			}
		}
		if a.replaying && a.proves() && wire.Kind(e.Body.Kind()) == wire.KindOffer {
			// Also after the last one: the next entry's doorbell may arrive at any moment.
			a.requestProof()
			a.readLater(offerPause)
			return
		}
	}
	if len(p.entries) > 0 {
		a.requestProof()
	}
	if p.more {
		a.awaitClient() // the pong asks for the next page
		return
	}
	if a.last.Compare(p.last) < 0 {
		a.last = p.last
	}
	a.catching, a.replaying = false, false
	if a.extra != nil && a.last.Compare(a.extra.want) < 0 {
		a.catchUp()
	}
}

// Pong takes a pong's application data. An empty one answers a ping of the edge, which passes on no other empty pong. A client may answer
// only the latest of several pings (RFC 6455 section 5.5.3), so a pong we asked for proves that earlier pings arrived; a ping still pending
// is repeated.
func (a *Attachment) Pong(data []byte) {
	sh := a.shard()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	switch a.state {
	case attaching:
		a.stillHere(data)
		return
	case live:
	default:
		return
	}
	if len(data) == 0 {
		a.repeatPing()
		return
	}
	switch data[0] {
	case pingLate:
		a.lateProven()
	case pingEntry:
		if a.proof == proofPending || a.proof == proofLater && a.dialect == wire.PeerJS { // at most ten times a second, and for each description
			a.arrived(data[1:])
		}
	case pingPage:
		a.pageRead(data[1:])
		a.repeatLatePing()
	case pingProbe:
		if a.alive(data[1:]) {
			a.repeatPing()
		}
	}
}

// repeatPing repeats the pending ping: the client may have skipped its pong.
func (a *Attachment) repeatPing() {
	if a.proof == proofPending || a.extra != nil && a.extra.page != 0 {
		a.sendPing()
	}
	a.repeatLatePing()
}

// pageRead handles the pong for a page: the client has read its queue. Other pongs, and repeats, do nothing.
func (a *Attachment) pageRead(answer []byte) {
	var nonce [pageNonceLen]byte
	if a.extra == nil || a.extra.page == 0 || len(answer) < pageNonceLen ||
		!bytes.Equal(answer[:pageNonceLen], appendPageNonce(nonce[:0], a.extra.page)) {
		return
	}
	a.extra.page = 0
	a.arrived(answer[pageNonceLen:])
	if a.catching {
		a.catchUp()
	}
}

// arrived handles proof that entries sent to a plain client have arrived, if that is news.
func (a *Attachment) arrived(upTo []byte) {
	id, ok := wire.ParseEntryID(upTo)
	if !ok || !a.proves() || !a.moves(id) {
		return
	}
	a.acknowledge(id)
	switch {
	case a.acked.Compare(a.last) == 0:
		a.proof = proofNone
	case a.proof != proofLater:
		a.proof = proofLater
		a.shard().deferProof(a)
	}
}

// proofEvery is the delay of the next proof if more was delivered while the last one was pending: a client that gets many messages a second
// answers ten pings a second, not one per message.
const proofEvery = 100 * time.Millisecond

// deferProof schedules a session's proof together with the others of its shard. The shard is locked.
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
