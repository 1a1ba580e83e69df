package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
)

// say hands over n messages for a peer.
func (m *member) say(n int) {
	if m.left || len(m.peers) == 0 {
		return
	}
	target := m.peers[m.draw()%uint64(len(m.peers))]
	if m.Plain { // the latest to connect starts afresh
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
		p.method = map[string]string{"extension": "offer", "wallet": "answer", "peer": "offer", "host": "offer", "viewer": "answer"}[m.Role]
	} else if m.Target != "" && m.draw()%4 == 0 {
		p.method = "a-method.of_its-own"
	}
	if m.draw()%40 == 0 {
		p.size = 20 << 10
	}
	if !m.Plain && m.draw()%4 == 0 {
		p.ttl = time.Millisecond << (m.draw() % 15) // to 16 s
	}
	m.outbox = append(m.outbox, p)
	if !m.Plain {
		m.noteSent(p)
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
			m.noteSent(p)
		}
		p.sent, p.at = true, m.sim.w.now()
		m.sim.trace("%s %d sends %s", m.Name, m.conn, p.id)
		limit := ""
		if p.ttl > 0 {
			limit = fmt.Sprintf(`,"ttlMs":%d`, p.ttl.Milliseconds())
		}
		text := []byte(fmt.Sprintf(`{"requestId":%q,"method":%q,"targetClientId":%q,%q:%q%s}`, p.id, p.method, p.target, p.field(), strings.Repeat("x", p.size), limit))
		s.send(func() { s.session.Message(text) })
		m.expectAnswer(s, p)
		if m.Plain {
			return
		}
	}
}

func (m *member) noteSent(p *message) {
	m.sim.trace("%s %d %s %.8s %s %v", m.Name, m.conn, history.Sent, p.target, p.id, p.ttl)
	m.sim.log_.Add(history.Event{Kind: history.Sent, Member: m.Name, Conn: m.conn, Peer: p.target, Message: p.id, TTL: p.ttl})
}

// field is where the message has what it carries.
func (p *message) field() string {
	if strings.Contains(p.method, ".") {
		return "payload"
	}
	return "encryptedPayload"
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
