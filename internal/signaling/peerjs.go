package signaling

import (
	"encoding/binary"
	"time"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/otel/trace"

	"github.com/rejoin-dev/rejoin/internal/peerjs"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// A PeerJS client is alone in the room of its id, and sends to other rooms (streams.Post). It gets no presence and no confirmations: only
// an EXPIRE if no client claimed an id in time, or if one left without reading the message. The instance that ends such a session or box
// tells the senders, with a message of its own: see expireUnreached.

// boxLife is how long a message waits for a client with its id to connect, as in PeerServer.
const boxLife = 5 * time.Second

// maxBoxed bounds the bytes that one connection has waiting for ids without a client: an attacker needs no connection for such an id.
const maxBoxed = 1 << 20

// boxedCost is the overhead counted for a message in a box, on top of its bytes.
const boxedCost = 2 << 10

// posts are the pending messages of a PeerJS client. Guarded by the shard.
type posts struct {
	id    string
	to    map[string]*target // targets with pending messages
	boxed int                // bytes in boxes, or on the way to a possible box
}

// target is an id that the client sends to.
type target struct {
	last   uint64 // fingerprint of the latest message
	n      int    // messages under way
	failed bool   // one of them could not be stored
}

// preparePeerJS requests the client's id.
func (a *Attachment) preparePeerJS(connect wire.Connect, offer wire.Offer) {
	r := &a.opening().request
	r.Claim, r.NewClient, r.TokenHash = true, peerjs.ClientOf(a.room).String(), peerjs.TokenHash(a.room, offer.Token)
	a.extra.posts = &posts{id: connect.Peer}
}

func (a *Attachment) sendOpen() {
	a.list(listedFor)
	a.conn.Send([]byte(peerjs.Open))
}

// closeTaken turns away a client whose id is taken.
func (a *Attachment) closeTaken() {
	a.conn.Send([]byte(peerjs.IDTaken))
	a.closeWith(wire.CloseNoStatus, "")
}

// closeDenied turns away a client that may not begin a session: its token only allows a resume, and no session waits for it.
func (a *Attachment) closeDenied() {
	if a.dialect == wire.PeerJS {
		if a.opening().request.NewClient != "" { // a later attempt of the same client was faster
			a.closeWith(wire.CloseServiceRestart, wire.ReasonGoingAway)
			return
		}
		a.conn.Send([]byte(peerjs.Error(peerjs.BadToken)))
	}
	a.closeWith(wire.CloseToken, wire.ReasonTokenExpired)
}

// peerMessage handles a message; its latency is measured from began. The shard is locked.
func (a *Attachment) peerMessage(payload []byte, began time.Time) {
	m, ok := peerjs.Decode(payload)
	switch {
	case !ok:
		a.hub.metrics.message(outcomeInvalid)
	case m.Type == peerjs.Heartbeat:
	case m.Dst != "":
		a.post(m, began)
	case m.Type == peerjs.Leave && a.state == live:
		c := a.conn
		a.acked = a.last
		a.endSession(endLeft)
		c.Close(wire.CloseNoStatus, "")
	}
}

// posting is a message on its way to Redis.
type posting struct {
	s     *Attachment
	x     *posts // of s, even after s has ended
	m     streams.Post
	room  wire.RoomID
	to    string
	began time.Time
	cost  int
	tries int
	span  trace.Span // nil: not traced
}

// post stores a message in the mailbox of its target. The shard is locked.
func (a *Attachment) post(m peerjs.Message, began time.Time) {
	a.sends++
	x := a.extra.posts
	room := peerjs.RoomOf(a.hub.cfg.PeerJSKey, m.Dst)
	p := &posting{s: a, x: x, room: room, to: m.Dst, began: began, m: streams.Post{
		Room: room.String(), Client: peerjs.ClientOf(room).String(), Role: wire.Equal.Text(), Fingerprint: a.plainPrint(a.sends),
		Deadline: began.Add(a.hub.backbone.CallTimeout()), Kind: byte(wire.KindOther),
		Data: peerjs.AppendMessage(nil, m.Type, x.id, m.Dst, m.Payload),
	}}
	if m.Type == peerjs.Offer || m.Type == peerjs.Answer {
		p.m.Kind = byte(wire.KindDescription)
	}
	if m.Type.Waits() {
		p.m.RequestID = peerjs.AppendRoute(nil, x.id, m.Dst)
		if p.cost = boxedCost + len(p.m.Data); x.boxed+p.cost <= maxBoxed {
			p.m.Box = boxLife
		}
		x.boxed += p.cost
	}
	t := x.to[m.Dst]
	if t == nil {
		if x.to == nil {
			x.to = map[string]*target{}
		}
		t = &target{}
		x.to[m.Dst] = t
	}
	if t.n > 0 {
		p.m.Before = t.last
	}
	t.n++
	t.last = p.m.Fingerprint
	p.span, p.m.Trace = a.traceSend(nil, began, string(m.Type), len(p.m.Data))
	a.hub.sending.Add(1)
	a.hub.backbone.Post(p.m, p.answered)
}

// answered handles the outcome of the message.
func (p *posting) answered(became streams.Posted, err error) {
	s := p.s
	if err == nil && became.Outcome == streams.OutOfOrder && p.tries == 0 {
		// Its predecessor was not stored and never will be: the client has been told.
		p.tries++
		p.m.Before = 0
		s.hub.backbone.Post(p.m, p.answered)
		return
	}
	what := outcomeOf(became.Outcome, err)
	s.hub.metrics.message(what)
	endSend(p.span, what)
	s.hub.metrics.answered.Observe(time.Since(p.began).Seconds())
	if err != nil && !expected(err) {
		s.hub.log.Error("message not stored", "error", err)
	}
	if became.Waits {
		s.hub.windows.watch(p.room, peerjs.ClientOf(p.room), became.Left)
	}
	s.locked(func() { p.settle(became, err) })
	s.hub.sending.Add(-1)
}

// settle counts the message out. If one of the messages pending together was not stored, it tells their sender that the target cannot be
// reached. The shard is locked.
func (p *posting) settle(became streams.Posted, err error) {
	s, x := p.s, p.x
	if became.Boxed {
		s.hub.timers.after(boxLife, func() {
			s.locked(func() {
				if s.state == live {
					x.boxed -= p.cost
				}
			})
		})
	} else {
		x.boxed -= p.cost
	}
	t := x.to[p.to]
	stored := err == nil && (became.Outcome == streams.Stored || became.Outcome == streams.StoredBefore)
	if !stored && p.cost > 0 {
		t.failed = true
	}
	if t.n--; t.n > 0 {
		return
	}
	delete(x.to, p.to)
	switch {
	case !t.failed:
	case s.state == live:
		s.sendFrame(func(dst []byte) []byte { return peerjs.AppendMessage(dst, peerjs.Expire, p.to, x.id, nil) })
	default: // the client may be on another connection by now
		s.hub.expire(x.id, p.to)
	}
}

// expireUnreached notifies the senders of messages that an id's client never got, or that waited for an id that no client claimed.
func (h *Hub) expireUnreached(e *streams.SessionEnd) {
	for _, route := range e.Unreached {
		if from, to, ok := peerjs.ParseRoute(route); ok {
			h.expire(from, to)
		}
	}
}

// expire tells the client of an id, on any instance, that another id cannot be reached. No other instance would, so it is repeated until Redis has
// stored it.
func (h *Hub) expire(from, to string) {
	room := peerjs.RoomOf(h.cfg.PeerJSKey, from)
	post := streams.Post{
		Room: room.String(), Client: peerjs.ClientOf(room).String(), Role: wire.Equal.Text(), Fingerprint: h.expirePrint(),
		Kind: byte(wire.KindOther), Data: peerjs.AppendMessage(nil, peerjs.Expire, to, from, nil),
	}
	h.persist(func(answered func(error)) {
		h.backbone.Post(post, func(became streams.Posted, err error) {
			if err == nil && became.Waits {
				h.windows.watch(room, peerjs.ClientOf(room), became.Left)
			}
			answered(err)
		})
	})
}

// expirePrint is the fingerprint of an EXPIRE, unique to each.
func (h *Hub) expirePrint() uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.WriteString(h.backbone.Instance())
	_, _ = d.Write(binary.LittleEndian.AppendUint64(make([]byte, 0, 8), h.expired.Add(1)))
	return d.Sum64()
}
