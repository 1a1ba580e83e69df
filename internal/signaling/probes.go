package signaling

import (
	"strings"
	"sync"
	"time"

	"github.com/rejoin-dev/rejoin/streams"
)

// probes are the joins of plain clients that wait to learn whether the connections they might take over are alive.
// A phone that lost its network comes back long before its old connection is noticed to be dead:
//
//	join ──► contested ──► every holder pings its connection
//	             │            pong ──► "alive" doorbell back
//	             └── all answered, or ProbeTimeout ──► attach again, naming the dead
type probes struct {
	hub *Hub
	mu  sync.Mutex
	all map[string]*probe // by nonce
}

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
	nonce := a.Nonce
	p.all[nonce] = &probe{
		s: s, asked: a.Contested,
		timer: time.AfterFunc(streams.ProbeTimeout, func() { p.over(nonce) }),
	}
}

// answered takes the answer of one connection.
func (p *probes) answered(nonce, client string) {
	p.mu.Lock()
	x := p.all[nonce]
	left := 0
	if x != nil {
		for i, h := range x.asked {
			if h.Client == client {
				x.asked = append(x.asked[:i], x.asked[i+1:]...)
				break
			}
		}
		left = len(x.asked)
	}
	p.mu.Unlock()
	if x != nil && left == 0 {
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
	for _, x := range p.all {
		x.timer.Stop()
	}
	clear(p.all)
}

func (s *Session) attachProbed(dead []streams.Held) {
	switch {
	case s.state != attaching:
	case s.opening.end != nil:
		s.finish()
	default:
		s.opening.request.Probed, s.opening.request.Dead = true, dead
		s.attach()
	}
}

// probe pings this session's client on behalf of another instance. The shard is locked.
func (s *Session) probe(b *streams.Bell) {
	what := b.Nonce + " " + b.ReplyTo
	s.more().probe = what
	s.conn.Ping([]byte(string(pingProbe) + what))
}

// alive answers the latest probe. The shard is locked.
func (s *Session) alive(what []byte) {
	if s.extra == nil || s.extra.probe == "" || s.extra.probe != string(what) {
		return
	}
	nonce, to, _ := strings.Cut(s.extra.probe, " ")
	s.extra.probe = ""
	s.hub.backbone.Alive(to, nonce, s.id.String())
}
