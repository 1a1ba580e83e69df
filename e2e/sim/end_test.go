package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
)

// settle waits until everything should have recovered, has all members talk to each other, and judges.
func (s *simulation) settle(r *result) {
	quiet := max(s.faultEnd, s.w.now()) + 50*time.Second
	for step := s.w.now() + 5*time.Second; step < quiet; step += 5 * time.Second {
		s.w.run(step, nil)
		for _, m := range s.members {
			m.say(1)
		}
	}
	for i, inst := range s.instances {
		if inst.dead || inst.ended {
			s.start(i)
		}
	}
	s.w.run(quiet, nil)
	for room := range s.rooms { // who comes now is told of no ghost
		for n, late := range s.plan.rooms[room].latecomers() {
			s.join(fmt.Sprintf("%d/%s-late%d", room, late.role[:1], n), room, late)
		}
	}
	s.w.run(quiet+3*time.Second, nil)
	mark := s.w.now()
	for range 20 {
		for _, m := range s.members {
			m.sayToAll()
		}
		s.w.run(s.w.now()+1500*time.Millisecond, nil)
		r.verdict = s.check(mark)
		if len(r.verdict.Violations) == 0 {
			break
		}
	}
	r.broken = append(r.broken, r.verdict.Violations...)
	for _, m := range s.members {
		if !m.left && m.current == nil {
			s.violate("shut", m.Name, "is not connected %.0f s after the last fault", (s.w.now() - s.faultEnd).Seconds())
		}
	}
}

// latecomers are two that are peers.
func (r roomPlan) latecomers() [2]memberPlan {
	first := r.members[0]
	if first.target == "" {
		return [2]memberPlan{{"wallet", "", false}, {"extension", "", false}}
	}
	return [2]memberPlan{first, {first.target, first.role, false}}
}

func (s *simulation) check(mark time.Duration) history.Verdict {
	members, events := s.log_.History()
	v := history.Check(members, events, mark)
	v.Violations = slices.DeleteFunc(v.Violations, func(x history.Violation) bool { return x.Law == history.Delivery && s.leftUnread(x.Message, events) })
	v.Violations = append(v.Violations, s.late(events)...)
	if len(s.losses) > 0 {
		s.excuse(&v, events)
	}
	return v
}

// late finds messages with a TTL that were delivered behind it (rule R11.5), by more than their way takes. What a resume within the TTL has counted
// follows however late (R11.8), and what kept the receiver from reading is not the server's doing.
func (s *simulation) late(events []history.Event) (late []history.Violation) {
	type connection struct {
		member string
		number int
	}
	due, sent, opened := map[string]time.Duration{}, map[string]history.Event{}, map[connection]time.Duration{}
	for _, e := range events {
		switch e.Kind {
		case history.Opened:
			opened[connection{e.Member, e.Conn}] = e.At
		case history.Sent:
			sent[e.Message] = e
		case history.Confirmed:
			if ttl := sent[e.Message].TTL; ttl > 0 {
				due[e.Message] = e.At + ttl + answerWithin
			}
		case history.Delivered:
			by, limited := due[e.Message]
			if !limited || e.At <= by {
				continue
			}
			m := s.members[slices.IndexFunc(s.members, func(m *member) bool { return m.Name == e.Member })]
			from := sent[e.Message].At
			if since := opened[connection{e.Member, e.Conn}]; since > from && since <= by || s.kept(m, from, e.At) {
				continue
			}
			late = append(late, history.Violation{
				Law: "late", At: e.At, Message: e.Message, Text: fmt.Sprintf("%s got %s %v after it was sent, with a TTL of %v", e.Member, e.Message, e.At-from, sent[e.Message].TTL),
			})
		default:
		}
	}
	return late
}

// leftUnread reports whether a message waited for a receiver that did not read, or whose own instance hung or was cut off from Redis, until its
// sender's session had ended: everything from a sender that has left since is left out of what a mailbox holds (rule S1.3), and no client
// is left to be told. The laws of history know that of receivers that came back since; that one did not read they cannot see, but the plan
// tells. What the same sender sent later must not have arrived.
func (s *simulation) leftUnread(id string, events []history.Event) bool {
	from, ended, ok := history.LeftUnread(events, id)
	if !ok {
		return false
	}
	sent := events[slices.IndexFunc(events, func(e history.Event) bool { return e.Kind == history.Sent && e.Message == id })]
	return slices.ContainsFunc(s.receivers(sent, events), func(m *member) bool { return s.kept(m, from, ended) })
}

// receivers are those that a message may have been for: the one, where its ID can be told, else all of the other role in the room. A plain
// client is not told its ID; its peers' names tell it.
func (s *simulation) receivers(sent history.Event, events []history.Event) []*member {
	owner := ""
	from := map[string]string{} // message → sender
	for _, e := range events {
		switch {
		case e.Kind == history.Opened && e.Self == sent.Peer:
			owner = e.Member
		case e.Kind == history.Sent:
			from[e.Message] = e.Member
		case e.Kind == history.Delivered && e.Peer == sent.Peer:
			owner = from[e.Message]
		}
	}
	sender := s.members[slices.IndexFunc(s.members, func(m *member) bool { return m.Name == sent.Member })]
	return slices.DeleteFunc(slices.Clone(s.members), func(m *member) bool {
		return owner != "" && m.Name != owner || m.room != sender.room || m.role != sender.role.Opposite() || m == sender
	})
}

// kept reports whether something kept a client from what waited for it, at some time between two moments.
func (s *simulation) kept(m *member, from, to time.Duration) bool {
	meanwhile := func(at, lasts time.Duration) bool { return at <= to && from < at+lasts }
	if slices.ContainsFunc(m.stalls, func(i item) bool { return meanwhile(i.at, i.lasts) }) {
		return true
	}
	for n, h := range m.homes {
		if h.since > to || n+1 < len(m.homes) && m.homes[n+1].since < from {
			continue
		}
		if slices.ContainsFunc(slices.Concat(s.windows, s.freezes), func(i item) bool {
			return (i.inst < 0 || i.inst == h.inst) && meanwhile(i.at, i.lasts)
		}) {
			return true
		}
	}
	return false
}

// lossSettles is how long after Redis lost something it may show, in what was sent and who was there before.
const lossSettles = 10 * time.Second

// excuse takes out what cannot be helped when Redis loses what it had confirmed (docs/reliability.md): what was sent by then may
// be lost, or come again, or late, and an end or a beginning that it forgot may be told again. Ghosts have no excuse.
func (s *simulation) excuse(v *history.Verdict, events []history.Event) {
	sent, known := map[string]time.Duration{}, map[string]time.Duration{}
	for _, e := range events {
		if e.Kind == history.Sent {
			sent[e.Message] = e.At
		}
		for _, p := range append([]string{e.Peer}, e.Peers...) {
			if _, is := known[p]; !is {
				known[p] = e.At
			}
		}
	}
	last := slices.Max(s.losses) + lossSettles
	v.Violations = slices.DeleteFunc(v.Violations, func(x history.Violation) bool {
		switch {
		case x.Message != "" && sent[x.Message] < last:
			return true
		case x.Peer != "" && x.Law != history.Delivery && x.Law != history.Order:
			return known[x.Peer] < last // it was forgotten, told to be gone, and brought back by its instance
		}
		return false
	})
}

// farewell: all leave, half of them without a word. Then nothing is left.
func (s *simulation) farewell() {
	if s.plan.massacre {
		s.perish()
		return
	}
	for i, m := range s.members {
		if m.left {
			continue
		}
		if i%2 == 0 {
			m.leave()
			continue
		}
		m.left = true
		for _, c := range []*socket{m.current, m.pending} {
			if c != nil {
				c.drop(i%4 == 1)
			}
		}
		m.current, m.pending = nil, nil
	}
	wait := 2*pingInterval + grace + 2*lease + syncInterval
	if s.plan.quiet {
		wait = time.Hour + 5*time.Minute
	}
	s.w.run(s.w.now()+wait, nil)
	for _, inst := range s.instances {
		if n := inst.hub.Sessions(); n != 0 && !inst.dead && !inst.ended {
			s.violate("ghost", inst.name, "holds %d connections that are no more", n)
		}
	}
	for _, n := range s.nodes {
		n.tick()
		for _, k := range n.keys() {
			for i, v := range list(n.value("HGETALL", k)) {
				if w := strings.Fields(text(v)); i%2 == 1 && len(w) == 12 && w[3] == "L" {
					s.violate("ghost", k[:9], "%s is believed live, held by %s", text(list(n.value("HGETALL", k))[i-1]), w[4])
				}
			}
		}
	}
}

// perish: the mailboxes expire, all say something, and all instances are killed at once. Whatever Redis holds then has a lifetime.
func (s *simulation) perish() {
	for _, n := range s.nodes {
		for _, k := range n.keys() {
			if strings.Contains(k, "}:s:") {
				n.store.Del(k)
			}
		}
	}
	for _, m := range s.members {
		m.sayToAll()
	}
	s.w.run(s.w.now()+300*time.Millisecond, nil)
	for _, inst := range s.instances {
		inst.kill()
	}
	for _, m := range s.members {
		m.left = true
	}
}

// close ends all instances in good order, and looks what Redis still holds an hour later.
func (s *simulation) close() {
	for _, inst := range s.instances {
		inst.drain(100*time.Millisecond, func() {})
	}
	ended := make(chan struct{})
	go func() {
		s.goes.Wait()
		close(ended)
	}()
	s.w.run(s.w.now()+time.Minute, func() bool {
		select {
		case <-ended:
			return true
		default:
			return false
		}
	})
	select {
	case <-ended:
	default:
		s.violate("ghost", "instances", "do not end")
	}
	s.w.run(s.w.now()+2*time.Second, nil)
	for _, n := range s.nodes {
		n.tick()
		n.store.FastForward(time.Hour + time.Minute)
		for _, k := range n.keys() {
			s.violate("ghost", n.addr, "still holds %s an hour later", k)
		}
		n.store.Close()
	}
}
