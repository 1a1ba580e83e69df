package sim_test

import (
	"slices"
	"time"

	"github.com/rejoin-dev/rejoin/internal/peerjs"
)

// The laws of PeerJS clients. Their messages are not confirmed, so what was sent on a connection that broke soon after may be lost, as with PeerServer.
// What was sent on one that stayed is delivered, or the sender is told by EXPIRE, as long as it is the same client: it left in no way, and came back within
// its grace window if it was away.

// troubledBetween reports whether anything was broken at some time between two moments, and a little after: calls to Redis may be repeated.
func (s *simulation) troubledBetween(from, to time.Duration) bool {
	from -= callTimeout + 2*time.Second
	for _, i := range s.broken {
		if i.at <= to && from < i.at+i.lasts {
			return true
		}
	}
	return false
}

// hung reports whether a client did not read at some time between two moments.
func (c *caller) hung(from, to time.Duration) bool {
	return slices.ContainsFunc(c.stalls, func(i item) bool { return i.at <= to && from < i.at+i.lasts })
}

// judgeArrival judges a message that comes.
func (s *simulation) judgeArrival(m *letter, l *line) {
	now := s.w.now()
	if last, any := l.heard[m.from]; any && last > m.nth {
		s.violate("order", l.caller.name, "heard %s behind number %d of its connection", m.name, last)
	}
	for _, a := range m.came {
		switch {
		case a.on == l:
			s.violate("delivery", l.caller.name, "heard %s twice on connection %d", m.name, l.number)
			return
		case m.kind == peerjs.Candidate || m.kind == peerjs.Leave:
		case a.on.ended > 0 && a.on.ended < a.at+provenWithin:
		case s.troubledBetween(a.at, now) || a.on.caller.hung(a.at, now):
		default:
			s.violate("delivery", l.caller.name, "heard %s %s again, first %v ago on connection %d of %s", m.kind, m.name, now-a.at, a.on.number, a.on.caller.name)
		}
	}
	if len(m.came) > 0 {
		return
	}
	for _, other := range s.callers {
		for _, before := range other.lines {
			if other.id == l.caller.id && before.heard[m.from] > m.nth {
				s.violate("order", l.caller.name, "heard %s, behind number %d of its connection that came before", m.name, before.heard[m.from])
			}
		}
	}
}

// provenWithin is how long it takes until Redis knows that an OFFER or ANSWER has arrived.
const provenWithin = 500 * time.Millisecond

// rivals are the other clients that asked for an id at some time between two moments.
func (s *simulation) rivals(c *caller, from, to time.Duration) (list []*line) {
	for _, other := range s.callers {
		if other == c || other.id != c.id {
			continue
		}
		for _, l := range other.lines {
			if l.began <= to && (l.ended == 0 || l.ended >= from) {
				list = append(list, l)
			}
		}
	}
	return list
}

// judgeEvicted judges a client's newest connection that was closed because another one has its session. That is so if it did not answer a probe.
func (s *simulation) judgeEvicted(l *line) {
	now := s.w.now()
	since := now - openWithin - time.Second
	if len(s.rivals(l.caller, since, now)) > 0 && (l.caller.hung(since, now) || s.troubledBetween(since, now)) {
		return
	}
	s.violate("shut", l.caller.name, "its newest connection (%d) was closed as resumed elsewhere", l.number)
}

// judgeTaken judges an ID-TAKEN: another client has the id, or may be believed to.
func (s *simulation) judgeTaken(l *line) {
	now := s.w.now()
	for _, other := range s.rivals(l.caller, l.began-2*pingInterval-grace-2*lease, now) {
		if !other.clean || other.ended > l.began-time.Second || s.troubledBetween(other.ended, now) {
			return
		}
	}
	s.violate("taken", l.caller.name, "hears that its id is taken, which no other client has")
}

// remains reports whether a client has had the same session from a moment on, as far as it can know.
func (c *caller) remains(from time.Duration) bool {
	if c.left > 0 {
		return false
	}
	away := time.Duration(0) // since when
	for _, l := range c.lines {
		if l.opened > 0 && away > 0 && l.opened-away > grace-2*time.Second && l.opened > from {
			return false
		}
		if l.clean && l.ended > from {
			return false
		}
		if l.opened > 0 && l.ended > 0 {
			away = l.ended
		}
	}
	return true
}

// judgeLetters judges what became of messages that were sent until a moment.
func (s *simulation) judgeLetters(until time.Duration) {
	for _, m := range s.posted {
		if m.at > until || len(m.came) > 0 || !m.kind.Waits() {
			continue
		}
		c, l := m.from.caller, m.from
		settled := max(m.at, l.opened) + answerWithin
		switch {
		case l.opened == 0 || l.ended > 0 && l.ended < settled: // it may never have got there
		case l.socket.inst.thaws > m.at:
		case !c.remains(m.at): // there is no client to tell
		case slices.ContainsFunc(c.expired, func(e expiry) bool { return e.id == m.to && e.at >= m.at }):
		case len(s.losses) > 0 && m.at < slices.Max(s.losses)+lossSettles:
		case s.unread(m):
		default:
			s.violate("delivery", c.name, "sent %s %s to %s at %.3f s on connection %d: it was not delivered, and no EXPIRE came", m.kind, m.name, m.to, m.at.Seconds(), l.number)
		}
	}
}

// unread reports whether a message was on its way to a client that closed its connection. That it is lost then is as in PeerServer.
func (s *simulation) unread(m *letter) bool {
	for _, c := range s.callers {
		for _, l := range c.lines {
			if c.id == m.to && l.clean && l.ended >= m.at && l.socket.holds(m.name) {
				return true
			}
		}
	}
	return false
}

// judgeExpired judges each EXPIRE: its id was without a client for a while, or something was broken.
func (s *simulation) judgeExpired() {
	for _, c := range s.callers {
		for _, e := range c.expired {
			from := e.at - grace - 2*pingInterval - 25*time.Second // it may have waited for this client
			if s.troubledBetween(from, e.at) || s.absent(e.id, from, e.at) {
				continue
			}
			s.violate("expire", c.name, "heard at %.3f s that a message for %s expired, which was there", e.at.Seconds(), e.id)
		}
	}
}

// absent reports whether no client, or one that did not read, had an id at some time between two moments.
func (s *simulation) absent(id string, from, to time.Duration) bool {
	for _, c := range s.callers {
		if c.id != id {
			continue
		}
		for _, l := range c.lines {
			if l.opened > 0 && l.opened <= from && (l.ended == 0 || l.ended > to) && !c.hung(from, to) {
				return false
			}
		}
	}
	return true
}

// settleCallers has a client for each id, has each send to all others, and judges.
func (s *simulation) settleCallers() {
	if len(s.callerAt) == 0 {
		return
	}
	for i, c := range s.callerAt {
		if c.left > 0 { // who comes now has the id at once
			s.callerAt[i] = s.call(c.name+"-late", i, c.user)
		}
	}
	s.w.run(s.w.now()+5*time.Second, nil)
	var last []*letter
	for _, c := range s.callerAt {
		if c.left > 0 || c.current == nil || c.current.opened == 0 {
			s.violate("shut", c.name, "is not connected %.0f s after the last fault", (s.w.now() - s.faultEnd).Seconds())
		}
		for i := range s.callerAt {
			if i != c.place {
				c.sayTo(callerID(i))
			}
		}
		last = append(last, s.posted[len(s.posted)-1])
	}
	sent := s.w.now()
	s.w.run(sent+grace+8*time.Second, nil) // boxes and windows end
	for _, m := range last {
		if len(m.came) != 1 {
			s.violate("delivery", m.from.caller.name, "sent %s when all was well, which came %d times", m.name, len(m.came))
		}
	}
	s.judgeLetters(sent)
	s.judgeExpired()
	s.judgeList()
}

// judgeList asks for the list of ids: all are on it, and none else. An instance lists its own every 30 s.
func (s *simulation) judgeList() {
	inst := s.instances[0]
	var got []string
	failed := true
	inst.hub.Peers(func(ids []string, err error) { got, failed = ids, err != nil })
	s.w.run(s.w.now()+time.Second, nil)
	if failed {
		s.violate("list", inst.name, "does not answer")
		return
	}
	for i, c := range s.callerAt {
		if !slices.Contains(got, callerID(i)) && c.current != nil {
			s.violate("list", c.name, "is connected, and not listed: %q", got)
		}
	}
}
