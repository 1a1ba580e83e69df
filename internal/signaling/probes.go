package signaling

import (
	"slices"
	"sync"
	"time"

	"github.com/rejoin-dev/rejoin/streams"
)

// probes are the joins of plain clients that wait to learn whether the connections they might take over are alive. A phone that lost its
// network comes back long before its old connection is detected as dead:
//
//	join ──► contested ──► every holder pings its connection
//	             │            pong, or there is none any more ──► "alive" doorbell back
//	             └── all answered, or ProbeTimeout ──► attach again, naming the dead
type probes struct {
	hub *Hub
	mu  sync.Mutex
	all map[string]*probe // by nonce
	off bool
	// early are the latest answers without a waiting probe: an answer may be faster than attach's.
	early [earlyAnswers]probeAnswer
	next  int
}

const earlyAnswers = 64

type probeAnswer struct{ nonce, client string }

type probe struct {
	s       *Attachment
	pending []streams.SessionRef // not answered yet
	timer   *time.Timer
}

func (p *probes) init(h *Hub) { p.hub, p.all = h, map[string]*probe{} }

// start waits for the answers to the probes that attach sent. The shard is locked.
func (p *probes) start(s *Attachment, a streams.Attached) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.off {
		return
	}
	nonce, x, wait := a.Nonce, &probe{s: s, pending: a.Contested}, streams.ProbeTimeout
	for _, e := range p.early {
		if e.nonce == nonce {
			x.answered(e.client)
		}
	}
	if len(x.pending) == 0 {
		wait = 0
	}
	x.timer = time.AfterFunc(wait, func() { p.over(nonce) })
	p.all[nonce] = x
}

// answered removes a client that answered.
func (x *probe) answered(client string) {
	x.pending = slices.DeleteFunc(x.pending, func(ref streams.SessionRef) bool { return ref.Client == client })
}

// answered handles the answer of one connection.
func (p *probes) answered(nonce, client string) {
	p.mu.Lock()
	x := p.all[nonce]
	if x != nil {
		x.answered(client)
	} else {
		p.early[p.next%earlyAnswers] = probeAnswer{nonce, client}
		p.next++
	}
	done := x != nil && len(x.pending) == 0
	p.mu.Unlock()
	if done {
		p.over(nonce)
	}
}

// over attaches again; connections that have not answered are dead.
func (p *probes) over(nonce string) {
	p.mu.Lock()
	x := p.all[nonce]
	delete(p.all, nonce)
	p.mu.Unlock()
	if x == nil {
		return
	}
	x.timer.Stop()
	x.s.locked(func() { x.s.attachProbed(x.pending) })
}

func (p *probes) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.off = true
	for _, x := range p.all {
		x.timer.Stop()
	}
	clear(p.all)
}

func (a *Attachment) attachProbed(dead []streams.SessionRef) {
	switch {
	case a.state != attaching:
	case a.opening().closure != nil:
		a.close()
	default:
		r := &a.opening().request
		r.Probed, r.Dead = true, dead
		a.attach()
	}
}

// probeRequest is a probe that this session's client has not answered yet.
type probeRequest struct{ nonce, replyTo string }

// maxProbeRequests bounds the probes of one session; the oldest is given up.
const maxProbeRequests = 64

// probe pings this session's client on behalf of another instance. The shard is locked.
func (a *Attachment) probe(b *streams.Bell) {
	x := a.ensureExtra()
	if len(x.probes) == maxProbeRequests {
		x.probes = slices.Delete(x.probes, 0, 1)
	}
	x.probes = append(x.probes, probeRequest{b.Nonce, b.ReplyTo})
	a.conn.Ping(append([]byte{pingProbe}, b.Nonce...))
}

// answerAbsent answers a probe for a session that is not here. It first detaches the session in Redis, fenced by its number. The joining
// client then finds it suspended or ended, and need not wait.
func (h *Hub) answerAbsent(b *streams.Bell) {
	probe := streams.Probe{Room: b.Room, Client: b.Client, ReplyTo: b.ReplyTo, Nonce: b.Nonce}
	h.backbone.Detach(streams.SessionRef{Room: b.Room, Client: b.Client, Session: b.Session}, streams.Disconnect{Reason: string(endLost)}, func(_ streams.Holding, err error) {
		if err == nil {
			h.backbone.Alive(probe)
		}
	})
}

// alive answers a probe and earlier ones, whose pongs the client may skip. It reports whether there was such a probe. The shard is locked.
func (a *Attachment) alive(nonce []byte) bool {
	if a.extra == nil {
		return false
	}
	i := slices.IndexFunc(a.extra.probes, func(p probeRequest) bool { return p.nonce == string(nonce) })
	if i < 0 {
		return false
	}
	for _, p := range a.extra.probes[:i+1] {
		a.hub.backbone.Alive(streams.Probe{Room: a.room.String(), Client: a.id.String(), ReplyTo: p.replyTo, Nonce: p.nonce})
	}
	a.extra.probes = append([]probeRequest(nil), a.extra.probes[i+1:]...)
	return true
}
