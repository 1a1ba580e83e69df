package signaling

import (
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// Open takes a connection whose upgrade has been answered. It returns at once; the session is attached in the
// background, and what arrives until then waits in a bounded queue.
func (h *Hub) Open(c Conn, connect wire.Connect, offer wire.Offer) *Attachment {
	now := time.Now()
	s := &Attachment{
		hub: h, conn: c, room: connect.Room, dialect: offer.Dialect,
		opened: h.seconds(now),
	}
	s.sid = parseNumber(streams.NewSession())
	s.setRole(connect.Source)
	h.sessions.Add(1)
	s.prepare(connect, offer, now)
	s.traceConnect(now)
	sh := s.shard()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.add(s)
	if h.draining.Load() { // it was faster than the edge's refusal, and Drain has been here already
		s.closeWith(wire.CloseServiceRestart, wire.ReasonGoingAway)
		return s
	}
	if reason, ok := s.identify(offer.Identity, now); !ok {
		s.closeWith(wire.CloseToken, reason)
		return s
	}
	s.attach()
	return s
}

// prepare decides what to ask Redis for.
func (s *Attachment) prepare(connect wire.Connect, offer wire.Offer, now time.Time) {
	id := wire.NewClientID()
	o := &opening{request: streams.Attach{
		Room: s.room.String(), Session: s.sid.String(), Role: s.role().Text(), Dialect: byte(s.dialect), Keep: s.keeps(),
		NewClient: id.String(), Started: now,
	}}
	s.ensureExtra().opening = o
	switch s.dialect {
	case wire.Plain:
		return
	case wire.PeerJS:
		s.preparePeerJS(connect, offer)
		return
	case wire.RejoinV1:
	}
	// A token is stored before it is sent. Redis decides which of the two it is.
	o.fresh = wire.NewResumeToken(id, s.room, s.role(), now)
	o.request.TokenHash = o.fresh.Hash()
	if offer.Resume {
		o.resume(offer, s.room, s.role(), now)
	}
}

// resume reads what the client shows of the session it wants back.
func (o *opening) resume(offer wire.Offer, room wire.RoomID, role wire.Role, now time.Time) {
	var after wire.EntryID
	afterOK := true
	if offer.After != "" {
		after, afterOK = wire.ParseEntryID([]byte(offer.After))
	}
	token, ok := wire.ParseResumeToken(offer.Token)
	switch {
	case !ok:
		o.refusal = wire.ReasonUnknown
	case !token.Fits(room, role) || !afterOK:
		o.refusal = wire.ReasonMismatch
	default:
		o.shown = token
		o.resumed = wire.NewResumeToken(token.Client, room, role, now)
		o.request.Resume, o.request.ResumeHash, o.request.ResumedHash = token.Client.String(), token.Hash(), o.resumed.Hash()
		o.request.After = after
	}
}

func (s *Attachment) attach() {
	s.hub.attaching.Add(1)
	r := &s.opening().request
	if r.Deadline = r.Started.Add(s.hub.backbone.CallTimeout()); r.Probed {
		// The probe took some of the time; what is left is enough for Redis when it is well.
		if least := time.Now().Add(s.hub.backbone.CallTimeout() / 2); r.Deadline.Before(least) {
			r.Deadline = least
		}
	}
	s.hub.backbone.Attach(*r, s.attached)
}

func (s *Attachment) attached(a streams.Attached, err error) {
	s.hub.attaching.Add(-1)
	sh := s.shard()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if s.state == closed {
		return
	}
	waited := time.Since(s.opening().request.Started)
	s.hub.waited.Store(int64(waited))
	switch {
	case err != nil:
		s.hub.metrics.connect(s.dialect, connectFailed)
		s.opening().traceRefused(connectFailed)
		s.hub.log.Warn("session not attached", "error", err)
		s.undoAttach()
		s.closeWith(wire.CloseInternal, wire.ReasonNotRegistered)
	case a.Verdict == streams.RoomFull:
		s.hub.metrics.connect(s.dialect, connectFull)
		s.opening().traceRefused(connectFull)
		s.closeWith(wire.CloseTryAgainLater, reasonRoomFull)
	case a.Verdict == streams.NotResumed:
		s.hub.metrics.connect(s.dialect, connectDenied)
		s.opening().traceRefused(connectDenied)
		s.closeDenied()
	case a.Verdict == streams.Taken:
		s.hub.metrics.connect(s.dialect, connectTaken)
		s.opening().traceRefused(connectTaken)
		s.closeTaken()
	case (a.Verdict == streams.Contested || a.Verdict == streams.Held) && s.opening().closure != nil:
		s.close()
	case a.Verdict == streams.Held:
		s.opening().request.Holder = a.Contested[0].Session
		s.attach()
	case a.Verdict == streams.Contested:
		s.hub.probes.start(s, a)
	default:
		s.hub.metrics.attaching.Observe(waited.Seconds())
		s.begin(a)
	}
}

// undoAttach takes back an attach whose outcome is unknown. The shard is locked.
func (s *Attachment) undoAttach() {
	r := &s.opening().request
	u := &undoing{hub: s.hub, room: s.room, session: r.Session, client: r.NewClient}
	if s.dialect == wire.PeerJS {
		u.client = "" // whatever it got waits for its token: that may be a session which waited before, and has the same client ID
	}
	u.begin()
}

// closeAttaching closes a connection that is still being attached. The answer is waited for: what it brings has to be ended.
// The shard is locked.
func (s *Attachment) closeAttaching(kind ClosedBy, code wire.CloseCode, reason string) {
	o := s.opening()
	if o.closure != nil {
		return
	}
	o.closure = &Closure{By: kind}
	if kind == SentAway {
		s.conn.SendAway(code, reason)
		return
	}
	s.forgetInbox(o)
	s.conn.Close(code, reason)
}

const reasonRoomFull = "too many clients in this room"

// closeWith gives up on a connection that never became a session.
func (s *Attachment) closeWith(code wire.CloseCode, reason string) {
	s.close()
	s.conn.Close(code, reason)
}

// close takes the session out of the hub. The shard is locked.
func (s *Attachment) close() {
	if s.state == closed {
		return
	}
	s.list(0)
	s.state = closed
	if s.extra != nil && s.extra.opening != nil {
		s.forgetInbox(s.extra.opening)
		s.extra.opening.traceRefused(connectGone)
	}
	s.shard().remove(s)
	s.hub.sessions.Add(-1)
	s.peers, s.extra = nil, nil
}

// begin makes an attached session live. The shard is locked.
func (s *Attachment) begin(a streams.Attached) {
	o := s.opening()
	defer s.forgetInbox(o)
	id, ok := wire.ParseClientID([]byte(a.Client))
	if !ok {
		s.closeWith(wire.CloseInternal, wire.ReasonNotRegistered)
		return
	}
	role, who, posts := s.role(), s.extra.who, s.extra.posts
	s.id, s.epoch, s.version, s.state, s.extra = id, a.Epoch, uint32(a.Version), live, nil
	s.setRole(role)
	if who != nil {
		s.ensureExtra().who = who
	}
	if posts != nil {
		s.ensureExtra().posts, s.extra.tokenHash = posts, o.request.TokenHash
	}
	resumed := a.Verdict == streams.Resumed
	refused := o.reason(a, s.hub.backbone.Grace())
	s.traceAttached(o, a, refused)
	if o.evicted != "" {
		s.endSession(o.evicted)
		return
	}
	if o.closure != nil {
		s.leftMeanwhile(o, resumed)
		return
	}
	if o.fenced == a.Client {
		s.ensureExtra().fenced = true
	}
	s.hub.metrics.attached(s.dialect, a, refused)
	a.Undelivered = append(a.Undelivered, o.endsBefore(a.Version, a.Client)...)
	switch s.dialect {
	case wire.RejoinV1:
		s.sendSession(a, o, refused)
	case wire.PeerJS:
		s.sendOpen()
	case wire.Plain:
		s.sendPeers(a.Peers)
	}
	if resumed {
		s.last, s.replaying = o.request.After, true
	}
	s.deliverPage(page{entries: a.Entries, more: a.More, last: a.Last})
	for i := range o.bells {
		s.openingBell(&o.bells[i])
	}
	s.proceed()
	s.takeInbox(o)
}

// takeInbox takes what the client sent while it was being attached.
func (s *Attachment) takeInbox(o *opening) {
	for _, m := range o.inbox {
		if s.state == live { // a PeerJS client may say goodbye in a message
			s.message(m, o.arrived)
		}
	}
}

// leftMeanwhile ends a connection whose client left while it was being attached. The shard is locked.
func (s *Attachment) leftMeanwhile(o *opening, resumed bool) {
	if s.dialect == wire.RejoinV1 && !resumed {
		o.closure = &Closure{By: ClosedByClient, Code: wire.CloseNormal} // the token was never sent: the client cannot come back
	}
	extra := s.extra
	if o.closure.By == SentAway && s.dialect != wire.RejoinV1 {
		s.takeInbox(o)
	}
	s.connectionClosed(*o.closure)
	if o.closure.By == SentAway {
		s.listen(extra)
	}
	for i := range o.bells {
		if o.bells[i].Kind == streams.BellProbe {
			s.hub.answerAbsent(&o.bells[i])
		}
	}
}

// forgetInbox lets go of what was kept for later.
func (s *Attachment) forgetInbox(o *opening) {
	s.hub.cfg.Buffers.Add(-int64(o.bytes))
	o.inbox, o.bytes = nil, 0
}

// endsBefore is what doorbells tell of messages that were not delivered, about ends that are older than what attach says: when its first
// answer was lost, this connection was rung for them already.
func (o *opening) endsBefore(version uint64, client string) (list []streams.Undelivered) {
	for i := range o.bells {
		b := &o.bells[i]
		if b.Kind != streams.BellLeft || b.Version > version {
			continue
		}
		for _, u := range b.Undelivered {
			if u.Client == client {
				list = append(list, streams.Undelivered{Client: b.Client, RequestID: u.RequestID})
			}
		}
	}
	return list
}

// openingBell applies a doorbell that came while the session was being attached. The shard is locked.
func (s *Attachment) openingBell(b *streams.Bell) {
	switch b.Kind {
	case streams.BellProbe:
		s.probe(b)
	case streams.BellOverdue:
		s.overdue(b.Undelivered)
	default:
		s.presenceBell(b)
	}
}

// sendSession sends the session frame of rejoin.v1; its peers stand in for announcements.
func (s *Attachment) sendSession(a streams.Attached, o *opening, refused string) {
	resumed := a.Verdict == streams.Resumed
	token, x := o.fresh, s.ensureExtra()
	if resumed {
		token, x.olderTokenHash = o.resumed, o.request.ResumeHash
	}
	x.tokenHash = token.Hash()
	frame := wire.Session{
		Client: s.id, Token: token.String(), Resumed: resumed, Reason: refused, Replay: a.Replay, Superseded: a.Superseded,
		GraceMs: s.hub.backbone.Grace().Milliseconds(), PingMs: s.hub.cfg.PingInterval.Milliseconds(),
		MaxMessageBytes: s.hub.cfg.MaxMessageBytes, Undelivered: undeliveredTo(a.Undelivered), UndeliveredCut: a.UndeliveredCut,
	}
	for _, p := range a.Peers {
		known := s.learn(p)
		if p.Suspended && !resumed && wire.Dialect(p.Dialect) == wire.Plain {
			continue // a plain client that is waited for is not announced to newcomers until it is back; who comes back may have sent to it
		}
		known.announced, known.toldSuspended = true, p.Suspended
		frame.Peers = append(frame.Peers, wire.SessionPeer{Client: known.id, Suspended: p.Suspended, User: p.User})
	}
	s.sendFrame(func(dst []byte) []byte { return wire.AppendSession(dst, &frame) })
	for _, u := range lateOf(a.Undelivered) {
		s.remembersLate(u)
	}
	s.proveLate()
	s.sendICEServers()
	if resumed {
		s.sendIfReplaced()
	}
}

// sendPeers lists the peers present for a plain client: live ones only, newest last.
func (s *Attachment) sendPeers(peers []streams.Peer) {
	for _, p := range peers {
		known := s.learn(p)
		if !p.Suspended {
			known.announced = true
			s.sendPeer(wire.AlreadyConnected, known.id)
		}
	}
}

// reason says why a resume was refused, "" when it was not.
func (o *opening) reason(a streams.Attached, grace time.Duration) string {
	switch a.Refusal {
	case streams.RefusedMismatch:
		return wire.ReasonMismatch
	case streams.RefusedLost:
		return wire.ReasonLost
	case streams.RefusedUnknown:
		if time.Since(time.Unix(int64(o.shown.Issued), 0)) > grace {
			return wire.ReasonExpired
		}
		return wire.ReasonUnknown
	}
	return o.refusal
}

func undeliveredTo(list []streams.Undelivered) []wire.UndeliveredBy {
	var by []wire.UndeliveredBy
	for _, u := range list {
		id, ok := wire.ParseClientID([]byte(u.Client))
		if !ok {
			continue
		}
		if len(by) == 0 || by[len(by)-1].Client != id {
			by = append(by, wire.UndeliveredBy{Client: id})
		}
		last := &by[len(by)-1]
		last.RequestIDs = append(last.RequestIDs, []byte(u.RequestID))
	}
	return by
}
