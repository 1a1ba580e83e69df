package sim_test

import (
	"strings"
	"time"
)

type callFault struct {
	refuse                  string
	write                   bool // refuse is of what scripts write
	late, slow              time.Duration
	lost, lostAnswer, twice bool
}

// faultFor draws what becomes of a call: from the fault, the connection and the call's number.
func (s *simulation) faultFor(l *link, n uint64, args []string) (f callFault) {
	now := s.w.now()
	for _, i := range s.windows {
		of := uint64(i.number)
		if !i.active(now) || !i.covers(l.inst.index, l.node.index) || !s.w.chance(i.p, of, n) {
			continue
		}
		switch i.kind {
		case refuse:
			f.refuse, f.write = i.err, false
		case deny, refuseOOM:
			if i.kind == refuseOOM && !storing(args) {
				continue
			}
			if f.refuse == "" {
				f.refuse, f.write = i.err, true
			}
		case late:
			f.late = max(f.late, 1+time.Duration(s.w.draw(of, n, 1)%uint64(i.delay)))
		case slow:
			f.slow = max(f.slow, time.Duration(s.w.draw(of, n, 2)%uint64(i.delay)))
		case lostCall:
			f.lost = true
		case lostAnswer:
			f.lostAnswer = true
		case twice:
			f.twice = true
		default:
		}
	}
	return f
}

// storing: memory that is nearly full refuses what is long.
func storing(args []string) bool {
	return strings.EqualFold(args[0], "EVALSHA") && len(args) > 3 && args[2] == "2"
}

type bellFault struct {
	lost bool
	late time.Duration
}

func (s *simulation) bellFault(l *link, n uint64, bus bool) (f bellFault) {
	now := s.w.now()
	for _, i := range s.windows {
		of := uint64(i.number)
		if !i.active(now) || !i.covers(l.inst.index, l.node.index) || !s.w.chance(i.p, of, l.id, n, 3) {
			continue
		}
		switch i.kind {
		case bellLost:
			f.lost = f.lost || bus
		case bellLate:
			f.late = max(f.late, time.Duration(s.w.draw(of, l.id, n, 4)%uint64(i.delay)))
		default:
		}
	}
	return f
}

// blocked is how long nothing arrives at the node's end of a connection.
func (s *simulation) blocked(l *link) time.Duration {
	return max(l.inst.frozen(), s.cutOff(l), l.node.frozen())
}

// held is how long nothing arrives at the instance's end.
func (s *simulation) held(l *link) time.Duration { return max(l.inst.frozen(), s.cutOff(l)) }

func (s *simulation) cutOff(l *link) (left time.Duration) {
	now := s.w.now()
	for _, i := range s.windows {
		if i.kind == partition && i.active(now) && i.covers(l.inst.index, l.node.index) {
			left = max(left, i.at+i.lasts-now)
		}
	}
	return left
}

// frozen is how long a node still hangs.
func (n *node) frozen() (left time.Duration) {
	now := n.sim.w.now()
	for _, i := range n.sim.windows {
		if i.kind == freezeNode && i.active(now) && i.covers(-1, n.index) {
			left = max(left, i.at+i.lasts-now)
		}
	}
	return left
}

// clientBlocked is how long a client does not read.
func (s *simulation) clientBlocked(c *socket) time.Duration {
	return max(c.inst.frozen(), c.member.stalled-s.w.now())
}

// disturbed: the client or its instance hung at some time since.
func (s *simulation) disturbed(m *member, c *socket, since time.Duration) bool {
	return m.stalled > since || c.inst.thaws > since
}

// elsewhere: since then something was wrong with the network between instances and Redis, and only with primaries that do not have
// a member's room.
func (s *simulation) elsewhere(m *member, since time.Duration) bool {
	if s.slots == nil || len(s.slots.moving) > 0 {
		return false
	}
	now, any := s.w.now(), false
	home := int(s.slots.owner[slotOf("{"+m.Room+"}:m")])
	for _, i := range s.windows {
		if i.at > now || i.at+i.lasts+2*time.Second < since {
			continue
		}
		if i.node < 0 || i.node == home || i.kind != freezeNode && i.kind != partition {
			return false
		}
		any = true
	}
	return any
}
