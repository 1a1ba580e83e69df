package sim_test

import (
	"encoding/json"
	"fmt"
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

type message struct {
	id, target, method string
	size               int
	sent               bool // on the current connection
	at                 time.Duration
}

type confirmed struct {
	id string
	at time.Duration
}

func (s *simulation) join(name string, roomIndex int, plan memberPlan) *member {
	room := s.rooms[roomIndex]
	role, _ := wire.ParseRole(plan.role)
	m := &member{
		Member: history.Member{Name: name, Room: room.String(), Role: plan.role, Plain: plan.plain, Kept: plan.plain && plan.role == "wallet"},
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
	return low + time.Duration(m.draw()%uint64(high-low)) //nolint:gosec // positive
}

func (m *member) after(d time.Duration, f func()) {
	m.sim.w.after(d, m.id+m.draw()%1024, f)
}

func (m *member) note(kind history.Kind, conn int, peer, message string) {
	m.sim.trace("%s %d %s %.8s %s", m.Name, conn, kind, peer, message)
	m.sim.log_.Add(history.Event{Kind: kind, Member: m.Name, Conn: conn, Peer: peer, Message: message})
}

// --- connecting ---

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
		late := *given
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
	if m.Plain {
		return wire.Offer{Dialect: wire.Plain}
	}
	o := wire.Offer{Dialect: wire.RejoinV1, Accept: wire.Subprotocol}
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
	case s == m.pending:
		m.pending = nil
		m.fail()
	case s == m.current:
		if code == wire.CloseResumedElsewhere && !m.left && !m.trying {
			m.sim.violate("shut", m.Name, "its newest connection (%d) was closed as resumed elsewhere", m.conns[s])
		}
		m.lost()
	}
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
	m.left = true
	if s := m.current; s != nil {
		if m.unacked > 0 && !m.Plain {
			m.ack()
		}
		s.send(func() { s.end(signaling.End{Kind: signaling.EndClient, Code: wire.CloseNormal}) })
		s.gone = true
		m.current = nil
	}
	if s := m.pending; s != nil {
		s.drop(true)
		m.pending = nil
	}
}

// --- receiving ---

type incoming struct {
	Info           string          `json:"info"`
	ClientID       string          `json:"clientId"`
	ResumeToken    string          `json:"resumeToken"`
	Resumed        bool            `json:"resumed"`
	Reason         string          `json:"reason"`
	Peers          []incomingPeer  `json:"peers"`
	Undelivered    json.RawMessage `json:"undelivered"`
	RequestID      string          `json:"requestId"`
	RemoteClientID string          `json:"remoteClientId"`
	ID             string          `json:"id"`
	RetryInMs      int64           `json:"retryInMs"`
	ReconnectInMs  int64           `json:"reconnectInMs"`
	AgoMs          int64           `json:"agoMs"`
}

type incomingPeer struct {
	RemoteClientID string `json:"remoteClientId"`
	State          string `json:"state"`
}

func (m *member) receive(s *socket, f frame) {
	if m.left {
		return
	}
	if f.kind == frameUpgraded {
		if s == m.pending {
			began := m.began
			m.opened(s)
			m.sim.log_.Add(history.Event{Kind: history.Opened, Member: m.Name, Conn: m.conn, Began: began})
			m.pump()
		}
		return
	}
	var in incoming
	if err := json.Unmarshal(f.data, &in); err != nil {
		panic(fmt.Sprintf("%s: %s", err, f.data))
	}
	if s == m.pending && in.Info == "session" {
		m.welcome(s, &in)
		return
	}
	conn, known := m.conns[s]
	if !known {
		return
	}
	switch in.Info {
	case "confirmation":
		m.answered(s, in.RequestID, history.Confirmed)
	case "missingRemoteClientError", "mailboxFullError":
		m.answered(s, in.RequestID, history.Refused)
	case "retryError":
		if s == m.current {
			m.paused = m.sim.w.now() + time.Duration(in.RetryInMs)*time.Millisecond
			for _, p := range m.outbox {
				p.sent = false
			}
			m.after(time.Duration(in.RetryInMs)*time.Millisecond+time.Millisecond, m.pump)
		}
	case "remoteClientIsAlreadyConnected", "remoteClientJustConnected":
		if s == m.current {
			m.peers = append(m.peers, in.RemoteClientID)
		}
		m.note(history.Announced, conn, in.RemoteClientID, "")
	case "remoteClientDisconnected":
		m.peers = slices.DeleteFunc(m.peers, func(p string) bool { return p == in.RemoteClientID })
		var ids []string
		if len(in.Undelivered) > 0 {
			_ = json.Unmarshal(in.Undelivered, &ids)
		}
		for _, id := range ids {
			m.note(history.Undelivered, conn, in.RemoteClientID, id)
		}
		m.note(history.Gone, conn, in.RemoteClientID, "")
	case "remoteData":
		m.data(s, conn, &in)
	case "storeReplaced":
		since := m.sim.w.now() - time.Duration(in.AgoMs)*time.Millisecond - 10*time.Second
		for _, c := range m.recent {
			if c.at > since {
				m.note(history.Doubted, conn, "", c.id)
			}
		}
	case "goAway":
		m.after(m.between(0, time.Duration(in.ReconnectInMs)*time.Millisecond+1), func() {
			if s == m.current && !m.trying {
				m.trying = true
				m.attempt()
			}
		})
	case "remoteClientSuspended", "remoteClientResumed", "iceServers":
	default:
		m.sim.violate("answer", m.Name, "was told %s", f.data)
	}
}

func (m *member) welcome(s *socket, in *incoming) {
	began := m.began
	m.opened(s)
	m.self, m.token = in.ClientID, in.ResumeToken
	for _, p := range in.Peers {
		m.peers = append(m.peers, p.RemoteClientID)
	}
	m.sim.log_.Add(history.Event{
		Kind: history.Opened, Member: m.Name, Conn: m.conn, Self: in.ClientID, Resumed: in.Resumed, Peers: slices.Clone(m.peers), Began: began,
	})
	var lists []struct {
		RemoteClientID string   `json:"remoteClientId"`
		RequestIDs     []string `json:"requestIds"`
	}
	if len(in.Undelivered) > 0 {
		_ = json.Unmarshal(in.Undelivered, &lists)
	}
	for _, l := range lists {
		for _, id := range l.RequestIDs {
			m.note(history.Undelivered, m.conn, l.RemoteClientID, id)
		}
	}
	if in.Resumed {
		m.ack()
	} else {
		m.received, m.handled, m.unacked = wire.EntryID{}, wire.EntryID{}, 0
	}
	m.pump()
}

func (m *member) data(s *socket, conn int, in *incoming) {
	if !m.Plain {
		id, ok := wire.ParseEntryID([]byte(in.ID))
		if !ok || compare(id, m.received) <= 0 {
			return
		}
		m.received = id
	}
	m.note(history.Delivered, conn, in.RemoteClientID, in.RequestID)
	if m.Plain || s != m.current {
		return
	}
	m.handled = m.received
	m.note(history.Acked, conn, in.RemoteClientID, in.RequestID)
	m.unacked++
	if m.unacked >= 16 {
		m.ack()
	} else if !m.ackDue {
		m.ackDue = true
		m.after(time.Second, func() {
			m.ackDue = false
			if m.unacked > 0 {
				m.ack()
			}
		})
	}
}

func compare(a, b wire.EntryID) int {
	switch {
	case a == b:
		return 0
	case a.Epoch < b.Epoch || a.Epoch == b.Epoch && a.Seq < b.Seq:
		return -1
	}
	return 1
}

func (m *member) ack() {
	s := m.current
	if s == nil {
		return
	}
	if wait := m.muted - m.sim.w.now(); wait > 0 {
		m.after(wait, func() {
			if m.unacked > 0 {
				m.ack()
			}
		})
		return
	}
	m.unacked = 0
	text := []byte(`{"method":"ack","id":"` + m.handled.String() + `"}`)
	s.send(func() { s.session.Message(text) })
}

// --- sending ---

// say hands over n messages for a peer.
func (m *member) say(n int) {
	if m.left || len(m.peers) == 0 {
		return
	}
	target := m.peers[m.draw()%uint64(len(m.peers))]
	if m.Plain { // whoever came last is a new beginning
		target = m.peers[len(m.peers)-1]
	}
	for range n {
		m.sayTo(target)
	}
	m.pump()
}

// sayToAll hands over a message for each peer.
func (m *member) sayToAll() {
	if m.left {
		return
	}
	for _, p := range m.peers {
		m.sayTo(p)
	}
	m.pump()
}

func (m *member) sayTo(target string) {
	if len(m.outbox) >= 40 {
		return
	}
	m.sent++
	p := &message{id: fmt.Sprintf("%s#%d", m.Name, m.sent), target: target, method: "iceCandidate", size: 8}
	if !m.offered[target] {
		m.offered[target] = true
		p.method = map[string]string{"extension": "offer", "wallet": "answer"}[m.Role]
	}
	if m.draw()%40 == 0 {
		p.size = 20 << 10
	}
	m.outbox = append(m.outbox, p)
	if !m.Plain {
		m.note(history.Sent, m.conn, target, p.id)
	}
}

// pump sends what may be sent: on rejoin.v1 all, in the plain dialect one at a time.
func (m *member) pump() {
	s := m.current
	if s == nil || m.left || m.paused > m.sim.w.now() {
		return
	}
	for _, p := range m.outbox {
		if p.sent {
			if m.Plain {
				return
			}
			continue
		}
		if m.Plain {
			if !slices.Contains(m.peers, p.target) { // it is gone, or of a connection before
				m.outbox = slices.DeleteFunc(m.outbox, func(x *message) bool { return x == p })
				m.pump()
				return
			}
			m.note(history.Sent, m.conn, p.target, p.id)
		}
		p.sent, p.at = true, m.sim.w.now()
		text := []byte(fmt.Sprintf(`{"requestId":%q,"method":%q,"targetClientId":%q,"encryptedPayload":%q}`, p.id, p.method, p.target, strings.Repeat("x", p.size)))
		s.send(func() { s.session.Message(text) })
		m.expectAnswer(s, p)
		if m.Plain {
			return
		}
	}
}

// answerWithin is what a message's answer may take: REDIS_TIMEOUT, the hops, and the time in which a connection settles.
const answerWithin = callTimeout + 1500*time.Millisecond

// elsewhereWithin is what it may take while a primary hangs that has nothing to do with it.
const elsewhereWithin = time.Second

// expectAnswer watches over a message on a connection that stays.
func (m *member) expectAnswer(s *socket, p *message) {
	at := p.at
	m.after(elsewhereWithin, func() {
		if m.current == s && slices.Contains(m.outbox, p) && p.sent && p.at == at && !s.gone && !s.over && !m.sim.disturbed(m, s, at) && m.sim.elsewhere(m, at) {
			m.sim.violate("shard", m.Name, "sent %s at %.3f s on connection %d and has no answer, though only other primaries hang", p.id, at.Seconds(), m.conn)
		}
	})
	m.after(answerWithin, func() {
		if m.current != s || !slices.Contains(m.outbox, p) || !p.sent || p.at != at || s.gone || s.over {
			return
		}
		if m.sim.disturbed(m, s, at) {
			m.expectAnswerAgain(s, p)
			return
		}
		m.sim.violate("answer", m.Name, "sent %s at %.3f s on connection %d and has no answer", p.id, at.Seconds(), m.conn)
	})
}

// expectAnswerAgain: client or instance hung meanwhile; the clock begins anew.
func (m *member) expectAnswerAgain(s *socket, p *message) {
	at := p.at
	m.after(answerWithin+25*time.Second, func() {
		if m.current == s && slices.Contains(m.outbox, p) && p.sent && p.at == at && !s.gone && !s.over && !m.sim.disturbed(m, s, m.sim.w.now()-answerWithin) {
			m.sim.violate("answer", m.Name, "sent %s at %.3f s on connection %d and has no answer", p.id, at.Seconds(), m.conn)
		}
	})
}

func (m *member) answered(s *socket, id string, kind history.Kind) {
	for _, p := range m.outbox {
		if p.id != id {
			continue
		}
		m.outbox = slices.DeleteFunc(m.outbox, func(x *message) bool { return x == p })
		m.note(kind, m.conns[s], p.target, id)
		if kind == history.Confirmed {
			m.recent = append(m.recent, confirmed{id, m.sim.w.now()})
			if len(m.recent) > 64 {
				m.recent = m.recent[1:]
			}
		}
		break
	}
	if m.Plain && s == m.current {
		m.pump()
	}
}
