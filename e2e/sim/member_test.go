package sim_test

import (
	"slices"
	"strings"
	"time"

	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// member is one client over all of its connections: the rules of client/ and web/client on rejoin.v1, those of the existing
// wallets and extensions in the plain dialect. It belongs to the world's goroutine.
type member struct {
	history.Member
	sim  *simulation
	id   uint64
	room wire.RoomID
	role wire.Role

	drawn    uint64
	attempts int // in a row without a connection
	tries    uint64
	current  *socket // the connection in use; nil without one
	pending  *socket // an attempt that was upgraded, and waits for its session frame
	began    time.Duration
	trying   bool // an attempt, or the wait for one, is under way
	left     bool
	offline  time.Duration // until then
	stalled  time.Duration
	muted    time.Duration
	stalls   []item // when it did not read
	homes    []home // the instances of its connections
	conn     int
	conns    map[*socket]int

	self     string
	token    string
	received wire.EntryID
	handled  wire.EntryID
	unacked  int
	ackDue   bool
	peers    []string
	offered  map[string]bool

	outbox []*message // rejoin.v1: without an answer; plain: not sent yet but the first, perhaps
	paused time.Duration
	recent []confirmed
	sent   int
}

type home struct {
	inst  int
	since time.Duration
}

type message struct {
	id, target, method string
	size               int
	ttl                time.Duration // 0: no end
	sent               bool          // on the current connection
	at                 time.Duration
}

type confirmed struct {
	id string
	at time.Duration
}

func (s *simulation) join(name string, roomIndex int, plan memberPlan) *member {
	room := s.rooms[roomIndex]
	role, _ := wire.ParseRole(plan.role)
	if plan.target != "" {
		role, _ = wire.NewRole(plan.role, plan.target)
	}
	m := &member{
		Member: history.Member{Name: name, Room: room.String(), Role: plan.role, Target: plan.target, Plain: plan.plain, Kept: plan.plain && plan.role == "wallet"},
		sim:    s, id: s.w.draw(nameOf(name)), room: room, role: role, conns: map[*socket]int{}, offered: map[string]bool{},
	}
	s.log_.Join(m.Member)
	s.members = append(s.members, m)
	m.retry(0)
	return m
}

func nameOf(s string) uint64 { return name(s) }

func (m *member) draw() uint64 { m.drawn++; return m.sim.w.draw(m.id, m.drawn) }

func (m *member) between(low, high time.Duration) time.Duration {
	return low + time.Duration(m.draw()%uint64(high-low))
}

func (m *member) after(d time.Duration, f func()) {
	m.sim.w.after(d, m.id+m.draw()%1024, f)
}

func (m *member) note(kind history.Kind, conn int, peer, message string) {
	m.sim.trace("%s %d %s %.8s %s", m.Name, conn, kind, peer, message)
	m.sim.log_.Add(history.Event{Kind: kind, Member: m.Name, Conn: conn, Peer: peer, Message: message})
}

// retry makes an attempt after a pause.
func (m *member) retry(pause time.Duration) {
	if m.left || m.trying {
		return
	}
	m.trying = true
	m.after(pause+m.between(0, time.Millisecond), m.attempt)
}

func (m *member) backoff() time.Duration {
	ceiling := 200 * time.Millisecond << min(m.attempts, 4)
	m.attempts++
	return m.between(0, ceiling)
}

func (m *member) fail() {
	m.trying = false
	m.retry(m.backoff())
}

func (m *member) attempt() {
	if m.left {
		return
	}
	if wait := m.offline - m.sim.w.now(); wait > 0 {
		m.trying = false
		m.retry(wait)
		return
	}
	m.tries++
	began := m.sim.w.now()
	inst := m.sim.instances[m.sim.w.draw(m.id, 77, m.tries)%uint64(len(m.sim.instances))]
	offer := m.offer()
	hop := m.sim.w.hop(m.id, 30, m.tries)
	given := new(bool)
	m.after(5*time.Second, func() { // the attempt's time is up
		if !*given {
			*given = true
			m.fail()
		}
	})
	var arrive func()
	arrive = func() {
		if wait := inst.frozen(); wait > 0 {
			m.after(wait, arrive) // the kernel took the connection; the process reads the request when it can
			return
		}
		if !inst.open() {
			if !*given {
				*given = true
				m.fail()
			}
			return
		}
		late := *given || m.left
		*given = true
		s := m.accept(inst, offer)
		if late {
			s.drop(true)
			return
		}
		m.pending, m.began = s, began
		if !m.Plain {
			m.after(5*time.Second, func() {
				if m.pending == s {
					m.pending = nil
					s.drop(true)
					m.fail()
				}
			})
		}
	}
	m.after(hop, arrive)
}

func (m *member) offer() wire.Offer {
	// The newcomer in a member's place has the same user, and a token of its own.
	who := &wire.Identity{User: strings.TrimRight(m.Name, "+"), TokenID: m.Name, Expires: m.sim.w.began.Add(24 * time.Hour)}
	if m.Plain {
		return wire.Offer{Dialect: wire.Plain, Identity: who}
	}
	o := wire.Offer{Dialect: wire.RejoinV1, Accept: wire.Subprotocol, Identity: who}
	if m.token != "" {
		o.Resume, o.Token = true, m.token
		if !m.received.IsZero() {
			o.After = m.received.String()
		}
	}
	return o
}

// accept is what the edge does with an upgrade.
func (m *member) accept(inst *instance, offer wire.Offer) *socket {
	s := &socket{sim: m.sim, inst: inst, member: m, id: m.sim.w.draw(m.id, 31, m.tries)}
	inst.sockets = append(inst.sockets, s)
	if m.Plain {
		s.mu.Lock()
		s.put(frame{kind: frameUpgraded})
		s.mu.Unlock()
	}
	s.session = inst.hub.Open(s, wire.Connect{Room: m.room, Source: m.role}, offer)
	return s
}

// opened makes a socket the one in use.
func (m *member) opened(s *socket) {
	if old := m.current; old != nil && old != s {
		m.current = nil
		old.drop(true)
	}
	m.pending, m.current, m.trying, m.attempts = nil, s, false, 0
	m.homes = append(m.homes, home{s.inst.index, m.sim.w.now()})
	m.conn++
	m.conns[s] = m.conn
	m.peers, m.paused = nil, 0
	for _, p := range m.outbox {
		p.sent = false
	}
}

// closed: the connection is gone. code is 0 without a close frame.
func (m *member) closed(s *socket, code wire.CloseCode) {
	switch {
	case (code == wire.CloseRemoved || code == wire.CloseToken) && (s == m.pending || s == m.current) && !m.left:
		m.banned()
	case s == m.pending:
		m.pending = nil
		m.fail()
	case s == m.current:
		if code == wire.CloseResumedElsewhere && !m.Plain && !m.left && !m.trying { // existing clients come back after any code
			m.sim.violate("shut", m.Name, "its newest connection (%d) was closed as resumed elsewhere", m.conns[s])
		}
		m.lost()
	}
}

// banned: the operator ended the session, or revoked the token. It does not come back; a newcomer takes its place.
func (m *member) banned() {
	m.note(history.Vanished, 0, "", "")
	m.left, m.muted = true, 0
	for _, c := range []*socket{m.current, m.pending} {
		if c != nil {
			c.drop(true)
		}
	}
	m.current, m.pending = nil, nil
	m.sim.replace(m, m.between(100*time.Millisecond, 5*time.Second), m.id+m.draw()%1024)
}

// lost: there is no connection any more.
func (m *member) lost() {
	m.current = nil
	if m.Plain && len(m.outbox) > 0 {
		for _, p := range m.outbox {
			if p.sent {
				m.note(history.Unanswered, m.conn, p.target, p.id)
			}
		}
		m.outbox = slices.DeleteFunc(m.outbox, func(p *message) bool { return p.sent })
	}
	m.retry(m.backoff())
}

// cut breaks the connection. seen: the server learns at once.
func (m *member) cut(seen bool) {
	for _, s := range []*socket{m.current, m.pending} {
		if s != nil {
			s.drop(seen)
		}
	}
	if m.pending != nil {
		m.pending = nil
		m.fail()
	}
	if m.current != nil {
		m.lost()
	}
}

// leave ends the session in good order.
func (m *member) leave() {
	if m.left {
		return
	}
	if m.current != nil {
		m.note(history.Left, 0, "", "")
	} else {
		m.note(history.Vanished, 0, "", "")
	}
	m.left, m.muted = true, 0
	if s := m.current; s != nil {
		if m.unacked > 0 && !m.Plain {
			m.ack()
		}
		s.send(func() { s.end(signaling.Closure{By: signaling.ClosedByClient, Code: wire.CloseNormal}) })
		s.gone = true
		m.current = nil
	}
	if s := m.pending; s != nil {
		s.drop(true)
		m.pending = nil
	}
}
