package signaling

import (
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// Open takes over an upgraded connection. It returns at once; the session is attached in the background, and messages that arrive until
// then wait in a bounded queue.
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
	if h.draining.Load() { // it got in before the edge refused newcomers, and Drain has already passed
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

// prepare decides what to request from Redis.
func (a *Attachment) prepare(connect wire.Connect, offer wire.Offer, now time.Time) {
	id := wire.NewClientID()
	o := &opening{request: streams.Attach{
		Room: a.room.String(), Session: a.sid.String(), Role: a.role().Text(), Dialect: byte(a.dialect), Keep: a.keeps(),
		NewClient: id.String(), Started: now,
	}}
	a.ensureExtra().opening = o
	switch a.dialect {
	case wire.Plain:
		return
	case wire.PeerJS:
		a.preparePeerJS(connect, offer)
		return
	case wire.RejoinV1:
	}
	// A token is stored before it is sent. Redis decides which of the two it becomes.
	o.fresh = wire.NewResumeToken(id, a.room, a.role(), now)
	o.request.TokenHash = o.fresh.Hash()
	if offer.Resume {
		o.resume(offer, a.room, a.role(), now)
	}
}

// resume reads the client's request to resume a session.
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

func (a *Attachment) attach() {
	a.hub.attaching.Add(1)
	r := &a.opening().request
	if r.Deadline = r.Started.Add(a.hub.backbone.CallTimeout()); r.Probed {
		// The probe took some of the time; the rest is enough for a healthy Redis.
		if least := time.Now().Add(a.hub.backbone.CallTimeout() / 2); r.Deadline.Before(least) {
			r.Deadline = least
		}
	}
	a.hub.backbone.Attach(*r, a.attached)
}

func (a *Attachment) attached(got streams.Attached, err error) {
	a.hub.attaching.Add(-1)
	sh := a.shard()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if a.state == closed {
		return
	}
	waited := time.Since(a.opening().request.Started)
	a.hub.waited.Store(int64(waited))
	switch {
	case err != nil:
		a.hub.metrics.connect(a.dialect, connectFailed)
		a.opening().traceRefused(connectFailed)
		a.hub.log.Warn("session not attached", "error", err)
		a.undoAttach()
		a.closeWith(wire.CloseInternal, wire.ReasonNotRegistered)
	case got.Verdict == streams.RoomFull:
		a.hub.metrics.connect(a.dialect, connectFull)
		a.opening().traceRefused(connectFull)
		a.closeWith(wire.CloseTryAgainLater, reasonRoomFull)
	case got.Verdict == streams.NotResumed:
		a.hub.metrics.connect(a.dialect, connectDenied)
		a.opening().traceRefused(connectDenied)
		a.closeDenied()
	case got.Verdict == streams.Taken:
		a.hub.metrics.connect(a.dialect, connectTaken)
		a.opening().traceRefused(connectTaken)
		a.closeTaken()
	case (got.Verdict == streams.Contested || got.Verdict == streams.Held) && a.opening().closure != nil:
		a.close()
	case got.Verdict == streams.Held:
		a.askStillHere(got.Contested[0].Session)
	case got.Verdict == streams.Contested:
		a.hub.probes.start(a, got)
	default:
		a.hub.metrics.attaching.Observe(waited.Seconds())
		a.begin(got)
	}
}

// askStillHere asks a client whether it is still there, before it takes its session from the connection that has it. The attempt may have travelled to
// Redis for long, and its client may have given it up and made that other connection, without this end noticing. The shard is locked.
func (a *Attachment) askStillHere(holder string) {
	o := a.opening()
	o.request.Holder, o.asked = holder, true
	a.conn.Ping(append([]byte{pingHolder}, holder...))
}

// stillHere handles a pong on a connection that is being attached. The shard is locked.
func (a *Attachment) stillHere(data []byte) {
	o := a.opening()
	switch {
	case !o.asked || o.closure != nil:
	case len(data) == 0: // the edge's own, see Pong
		a.askStillHere(o.request.Holder)
	case data[0] == pingHolder && string(data[1:]) == o.request.Holder:
		o.asked, o.request.Started = false, time.Now() // it asks now
		a.attach()
	}
}

// undoAttach undoes an attach whose outcome is unknown. The shard is locked.
func (a *Attachment) undoAttach() {
	r := &a.opening().request
	u := &undoing{hub: a.hub, room: a.room, session: r.Session, client: r.NewClient}
	if a.dialect == wire.PeerJS {
		u.client = "" // the session may be an older one with the same client ID: suspend it, so that it waits for its token
	}
	u.begin()
}

// closeAttaching closes a connection that is still attaching. It waits for the answer, because the session it brings must be ended. The
// shard is locked.
func (a *Attachment) closeAttaching(kind ClosedBy, code wire.CloseCode, reason string) {
	o := a.opening()
	if o.closure != nil {
		return
	}
	o.closure = &Closure{By: kind}
	if kind == SentAway {
		a.conn.SendAway(code, reason)
		return
	}
	a.forgetInbox(o)
	a.conn.Close(code, reason)
}

const reasonRoomFull = "too many clients in this room"

// closeWith gives up on a connection that never became a session.
func (a *Attachment) closeWith(code wire.CloseCode, reason string) {
	a.close()
	a.conn.Close(code, reason)
}

// close removes the session from the hub. The shard is locked.
func (a *Attachment) close() {
	if a.state == closed {
		return
	}
	a.list(0)
	a.state = closed
	if a.extra != nil && a.extra.opening != nil {
		a.forgetInbox(a.extra.opening)
		a.extra.opening.traceRefused(connectGone)
	}
	a.shard().remove(a)
	a.hub.sessions.Add(-1)
	a.peers, a.extra = nil, nil
}

// begin makes an attached session live. The shard is locked.
func (a *Attachment) begin(got streams.Attached) {
	o := a.opening()
	defer a.forgetInbox(o)
	id, ok := wire.ParseClientID([]byte(got.Client))
	if !ok {
		a.closeWith(wire.CloseInternal, wire.ReasonNotRegistered)
		return
	}
	role, who, posts := a.role(), a.extra.who, a.extra.posts
	a.id, a.epoch, a.version, a.state, a.extra = id, got.Epoch, uint32(got.Version), live, nil
	a.setRole(role)
	if who != nil {
		a.ensureExtra().who = who
	}
	if posts != nil {
		a.ensureExtra().posts, a.extra.tokenHash = posts, o.request.TokenHash
	}
	resumed := got.Verdict == streams.Resumed
	refused := o.reason(got, a.hub.backbone.Grace())
	a.traceAttached(o, got, refused)
	if o.evicted != "" {
		a.endSession(o.evicted)
		return
	}
	if o.closure != nil {
		a.leftMeanwhile(o, resumed)
		return
	}
	if o.fenced == got.Client {
		a.ensureExtra().fenced = true
	}
	a.hub.metrics.attached(a.dialect, got, refused)
	got.Undelivered = append(got.Undelivered, o.endsBefore(got.Version, got.Client)...)
	switch a.dialect {
	case wire.RejoinV1:
		a.sendSession(got, o, refused)
	case wire.PeerJS:
		a.sendOpen()
	case wire.Plain:
		a.sendPeers(got.Peers)
	}
	if resumed {
		a.last, a.replaying = o.request.After, true
	}
	a.deliverPage(page{entries: got.Entries, more: got.More, last: got.Last})
	for i := range o.bells {
		a.openingBell(&o.bells[i])
	}
	a.proceed()
	a.takeInbox(o)
}

// takeInbox handles messages that the client sent while attaching.
func (a *Attachment) takeInbox(o *opening) {
	for _, m := range o.inbox {
		if a.state == live { // a PeerJS client may say goodbye in a message
			a.message(m, o.arrived)
		}
	}
}

// leftMeanwhile ends a connection whose client left while attaching. The shard is locked.
func (a *Attachment) leftMeanwhile(o *opening, resumed bool) {
	if a.dialect == wire.RejoinV1 && !resumed {
		o.closure = &Closure{By: ClosedByClient, Code: wire.CloseNormal} // the token was never sent: the client cannot come back
	}
	sent := o.closure.By == SentAway
	if sent && a.dialect != wire.RejoinV1 {
		a.takeInbox(o)
	}
	if sent && a.keeps() {
		a.handOver() // what the client sends until it has read the close frame still counts
	} else {
		a.connectionClosed(*o.closure)
	}
	for i := range o.bells {
		if o.bells[i].Kind == streams.BellProbe {
			a.hub.answerAbsent(&o.bells[i])
		}
	}
}

// forgetInbox discards the queued messages.
func (a *Attachment) forgetInbox(o *opening) {
	a.hub.cfg.Buffers.Add(-int64(o.bytes))
	o.inbox, o.bytes = nil, 0
}

// endsBefore returns the undelivered messages reported by doorbells about ends older than attach's answer. If attach's first answer was
// lost, those doorbells reached this connection before the second.
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

// openingBell applies a doorbell that arrived while attaching. The shard is locked.
func (a *Attachment) openingBell(b *streams.Bell) {
	switch b.Kind {
	case streams.BellProbe:
		a.probe(b)
	case streams.BellOverdue:
		a.overdue(b.Undelivered)
	default:
		a.presenceBell(b)
	}
}

// sendSession sends the session frame of rejoin.v1; its list of peers replaces announcements.
func (a *Attachment) sendSession(got streams.Attached, o *opening, refused string) {
	resumed := got.Verdict == streams.Resumed
	token, x := o.fresh, a.ensureExtra()
	if resumed {
		token, x.olderTokenHash = o.resumed, o.request.ResumeHash
	}
	x.tokenHash = token.Hash()
	frame := wire.Session{
		Client: a.id, Token: token.String(), Resumed: resumed, Reason: refused, Replay: got.Replay, Superseded: got.Superseded,
		GraceMs: a.hub.backbone.Grace().Milliseconds(), PingMs: a.hub.cfg.PingInterval.Milliseconds(),
		MaxMessageBytes: a.hub.cfg.MaxMessageBytes, Undelivered: undeliveredTo(got.Undelivered), UndeliveredCut: got.UndeliveredCut,
	}
	for _, p := range got.Peers {
		known := a.learn(p)
		if p.Suspended && !resumed && wire.Dialect(p.Dialect) == wire.Plain {
			continue // a suspended plain client is not announced to newcomers; a returning client may have sent to it
		}
		known.announced, known.toldSuspended = true, p.Suspended
		frame.Peers = append(frame.Peers, wire.SessionPeer{Client: known.id, Suspended: p.Suspended, User: p.User})
	}
	a.sendFrame(func(dst []byte) []byte { return wire.AppendSession(dst, &frame) })
	for _, u := range lateOf(got.Undelivered) {
		a.remembersLate(u)
	}
	a.proveLate()
	a.sendICEServers()
	if resumed {
		a.sendIfReplaced()
	}
}

// sendPeers lists the live peers for a plain client, newest last.
func (a *Attachment) sendPeers(peers []streams.Peer) {
	for _, p := range peers {
		known := a.learn(p)
		if !p.Suspended {
			known.announced = true
			a.sendPeer(wire.AlreadyConnected, known.id)
		}
	}
}

// reason returns why a resume was refused, "" if it was not.
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
