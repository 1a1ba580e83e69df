package signaling

import (
	"slices"
	"sync"
	"time"

	"github.com/rejoin-dev/rejoin/streams"
)

// probes are the joins of plain clients that wait to learn whether the connections they might take over are alive.
// A phone that lost its network comes back long before its old connection is noticed to be dead:
//
//	join ──► contested ──► every holder pings its connection
//	             │            pong, or there is none any more ──► "alive" doorbell back
//	             └── all answered, or ProbeTimeout ──► attach again, naming the dead
type probes struct {
	hub *Hub
	mu  sync.Mutex
	all map[string]*probe // by nonce
	off bool
	// early are the latest answers that nobody waited for: one may be faster than what attach says.
	early [earlyAnswers]answer
	next  int
}

const earlyAnswers = 64

type answer struct{ nonce, client string }

type probe struct {
	s     *Session
	asked []streams.Held // who has not answered
	timer *time.Timer
}

func (p *probes) init(h *Hub) { p.hub, p.all = h, map[string]*probe{} }

// start waits for the answers to the probes that attach sent. The shard is locked.
func (p *probes) start(s *Session, a streams.Attached) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.off {
		return
	}
	nonce, x, wait := a.Nonce, &probe{s: s, asked: a.Contested}, streams.ProbeTimeout
	for _, e := range p.early {
		if e.nonce == nonce {
			x.answered(e.client)
		}
	}
	if len(x.asked) == 0 {
		wait = 0
	}
	x.timer = time.AfterFunc(wait, func() { p.over(nonce) })
	p.all[nonce] = x
}

// answered strikes a client off.
func (x *probe) answered(client string) {
	x.asked = slices.DeleteFunc(x.asked, func(h streams.Held) bool { return h.Client == client })
}

// answered takes the answer of one connection.
func (p *probes) answered(nonce, client string) {
	p.mu.Lock()
	x := p.all[nonce]
	if x != nil {
		x.answered(client)
	} else {
		p.early[p.next%earlyAnswers] = answer{nonce, client}
		p.next++
	}
	done := x != nil && len(x.asked) == 0
	p.mu.Unlock()
	if done {
		p.over(nonce)
	}
}

// over attaches again; who has not answered is dead.
func (p *probes) over(nonce string) {
	p.mu.Lock()
	x := p.all[nonce]
	delete(p.all, nonce)
	p.mu.Unlock()
	if x == nil {
		return
	}
	x.timer.Stop()
	x.s.locked(func() { x.s.attachProbed(x.asked) })
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

func (s *Session) attachProbed(dead []streams.Held) {
	switch {
	case s.state != attaching:
	case s.opening().end != nil:
		s.finish()
	default:
		r := &s.opening().request
		r.Probed, r.Dead = true, dead
		s.attach()
	}
}

// asked is a probe that this session's client has not answered yet.
type asked struct{ nonce, replyTo string }

// maxAsked bounds the probes of one session; the oldest is given up.
const maxAsked = 64

// probe pings this session's client on behalf of another instance. The shard is locked.
func (s *Session) probe(b *streams.Bell) {
	x := s.more()
	if len(x.probes) == maxAsked {
		x.probes = slices.Delete(x.probes, 0, 1)
	}
	x.probes = append(x.probes, asked{b.Nonce, b.ReplyTo})
	s.conn.Ping(append([]byte{pingProbe}, b.Nonce...))
}

// absent answers a probe of a session that is not here any more, if it ever was. Once Redis knows that, nobody has to wait
// for it: whoever asked finds it suspended, or gone. It is fenced by the session number.
func (h *Hub) absent(b *streams.Bell) {
	replyTo, nonce, client := b.ReplyTo, b.Nonce, b.Client
	held := streams.Held{Room: b.Room, Client: client, Session: b.Session}
	h.backbone.Detach(held, streams.Parting{How: string(howLost)}, func(_ streams.Hold, err error) {
		if err == nil {
			h.backbone.Alive(held.Room, replyTo, nonce, client)
		}
	})
}

// alive answers a probe, and those before it: their pongs may be left out. It reports whether there was such a probe. The shard
// is locked.
func (s *Session) alive(nonce []byte) bool {
	if s.extra == nil {
		return false
	}
	i := slices.IndexFunc(s.extra.probes, func(a asked) bool { return a.nonce == string(nonce) })
	if i < 0 {
		return false
	}
	for _, a := range s.extra.probes[:i+1] {
		s.hub.backbone.Alive(s.room.String(), a.replyTo, a.nonce, s.id.String())
	}
	s.extra.probes = append([]asked(nil), s.extra.probes[i+1:]...)
	return true
}
