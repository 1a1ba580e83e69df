package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rejoin-dev/rejoin/streams"
)

func (s *simulation) schedule(begin time.Duration, i item) {
	i.at += begin
	s.faultEnd = max(s.faultEnd, i.at)
	if !slices.Contains(clientKinds, i.kind) {
		s.faultEnd = max(s.faultEnd, i.at+i.lasts)
	}
	key := name("item") + uint64(i.number)
	at := s.w.began.Add(i.at + time.Duration(s.w.draw(key)%1_000_000))
	switch i.kind {
	case failover:
		var copied *node
		s.losses = append(s.losses, i.at)
		s.w.at(at.Add(-i.delay), key, func() { copied = s.nodes[i.node].snapshot() })
		s.w.at(at, key, func() { s.nodes[i.node].replace(copied) })
	default:
		s.w.at(at, key, func() { s.happen(i) })
	}
}

func (s *simulation) happen(i item) {
	end := time.Duration(s.w.draw(uint64(i.number), 99)%1_000_000) + i.lasts
	key := name("end") + uint64(i.number)
	switch i.kind {
	case cutLinks:
		for _, n := range s.nodes {
			for _, l := range slices.Clone(n.links) {
				if i.covers(l.inst.index, n.index) {
					l.cut()
				}
			}
		}
	case freeze:
		inst := s.instances[i.inst]
		inst.thaws = max(inst.thaws, s.w.now()+end)
		s.freezes = append(s.freezes, i)
	case kill:
		inst := s.instances[i.inst]
		inst.kill()
		s.w.after(end, key, func() {
			if x := s.instances[i.inst]; x.dead || x.ended {
				s.start(i.inst)
			}
		})
	case deploy:
		inst := s.instances[i.inst]
		if inst.closing || inst.dead || inst.ended {
			return
		}
		inst.drain(min(i.lasts, 8*time.Second), func() {
			s.w.after(time.Second, key, func() {
				if x := s.instances[i.inst]; x.dead || x.ended {
					s.start(i.inst)
				}
			})
		})
	case wipe:
		s.losses = append(s.losses, s.w.now())
		empty := &node{sim: s, index: s.nodes[i.node].index, subs: map[string][]*link{}}
		empty.fresh()
		s.nodes[i.node].replace(empty)
	case expire:
		s.losses = append(s.losses, s.w.now())
		tag := "{" + s.rooms[i.member].String() + "}"
		for _, n := range s.nodes {
			for _, k := range n.keys() {
				if strings.HasPrefix(k, tag) && (i.n > 1 || s.w.chance(0.5, key, name(k))) {
					n.store.Del(k)
				}
			}
		}
	case reshard:
		s.reshard(i, key)
	default:
		if slices.Contains(clientKinds, i.kind) {
			s.act(i, end, key)
			return
		}
		s.windows = append(s.windows, i)
	}
}

// reshard moves a room's slot key by key: as redis-cli does, some keys at a time, with pauses.
func (s *simulation) reshard(i item, key uint64) {
	if s.slots == nil {
		return
	}
	slot := slotOf("{" + s.rooms[i.member].String() + "}:m")
	if _, moving := s.slots.moving[slot]; moving {
		return
	}
	from := int(s.slots.owner[slot])
	m := move{from, (from + 1 + i.n%2) % len(s.nodes)}
	s.slots.moving[slot] = m
	keys := slices.DeleteFunc(s.nodes[from].keys(), func(k string) bool { return slotOf(k) != slot })
	slices.SortFunc(keys, func(a, b string) int { // the hash first, or last, or anywhere
		x, y := s.w.draw(key, name(a)), s.w.draw(key, name(b))
		if i.n == 1 && strings.HasSuffix(a, ":m") || i.n == 2 && strings.HasSuffix(b, ":m") {
			return -1
		}
		if x < y {
			return -1
		}
		return 1
	})
	step := i.lasts / time.Duration(len(keys)+1)
	for k := range keys {
		s.w.after(step*time.Duration(k)+s.w.hop(key, uint64(k)), key+uint64(k), func() { s.moveKey(keys[k], m) })
	}
	s.w.after(i.lasts+time.Millisecond, key, func() {
		for _, k := range s.nodes[from].keys() {
			if slotOf(k) == slot {
				s.moveKey(k, m)
			}
		}
		delete(s.slots.moving, slot)
		s.slots.owner[slot], s.slots.table = uint8(m.to), ""
	})
}

// act is what a client does.
func (s *simulation) act(i item, lasts time.Duration, key uint64) {
	m := s.places[i.member]
	if m.left {
		return
	}
	switch i.kind {
	case doSend:
		m.say(i.n)
	case doCut:
		m.cut(true)
	case doVanish:
		m.offline = max(m.offline, s.w.now()+lasts)
		m.cut(false)
	case doStall:
		i.lasts = min(lasts, 2*pingInterval-time.Second) // beyond that the edge closes it
		m.stalls = append(m.stalls, i)
		m.stalled = max(m.stalled, s.w.now()+i.lasts)
	case doMute:
		m.muted = max(m.muted, s.w.now()+lasts)
	case doAgain:
		if m.current != nil && !m.trying {
			if m.Plain {
				m.current.drop(false)
				m.lost()
				return
			}
			m.trying = true
			m.attempt()
		}
	case doRefresh:
		if c := m.current; c != nil && !m.Plain {
			if m.unacked > 0 {
				m.ack()
			}
			c.send(func() { c.end(endAway) })
			c.gone = true
			m.lost()
		}
	case doQuit:
		if s.w.chance(0.5, key) {
			m.cut(s.w.chance(0.5, key, 1))
		}
		m.leave()
	case doRemove:
		if !m.Plain && m.self != "" { // a plain client does not know its ID
			s.operator(key).Remove(m.Room, m.self, func(int, error) {})
		}
	case doRevoke:
		s.operator(key).Revoke(streams.Revocation{Name: m.Name, Until: time.Now().Add(30 * time.Minute)}, func(error) {})
	case doLeave:
		m.leave()
		s.replace(m, lasts, key)
	}
}

// operator is an instance that the operator calls.
func (s *simulation) operator(key uint64) *streams.Backbone {
	return s.instances[s.w.draw(key, 5)%uint64(len(s.instances))].back
}

// replace puts a newcomer in a member's place.
func (s *simulation) replace(m *member, after time.Duration, key uint64) {
	place := slices.Index(s.places, m)
	s.w.after(after, key, func() {
		if place >= 0 && s.places[place] == m {
			s.places[place] = s.join(fmt.Sprintf("%s+", m.Name), s.placeOf[place], memberPlan{m.Role, m.Target, m.Plain})
		}
	})
}

func (i item) covers(inst, node int) bool {
	return (i.inst < 0 || i.inst == inst) && (i.node < 0 || i.node == node)
}

func (i item) active(now time.Duration) bool { return i.at <= now && now < i.at+i.lasts }
