package sim_test

import (
	"fmt"
	"strings"
)

const slotCount = 16384

// slots is who has which slot of a cluster, and which are on their way.
type slots struct {
	table  string // the answer to CLUSTER SLOTS; empty: to be made anew
	owner  [slotCount]uint8
	moving map[int]move
}

type move struct{ from, to int }

func newSlots(nodes int) *slots {
	s := &slots{moving: map[int]move{}}
	for i := range s.owner {
		s.owner[i] = uint8(i * nodes / slotCount)
	}
	return s
}

// slotOf is the slot of a key, by its hash tag.
func slotOf(key string) int {
	if i := strings.IndexByte(key, '{'); i >= 0 {
		if j := strings.IndexByte(key[i+1:], '}'); j > 0 {
			key = key[i+1 : i+1+j]
		}
	}
	var crc uint16 // CRC-16/XMODEM
	for i := range len(key) {
		crc ^= uint16(key[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc) % slotCount
}

// route says why a node does not serve these keys, as Redis' getNodeByQuery does; "" when it does.
func (n *node) route(keys []string, asking bool) string {
	s := n.sim.slots
	if s == nil || len(keys) == 0 {
		return ""
	}
	slot := slotOf(keys[0])
	present := 0
	for _, k := range keys {
		if slotOf(k) != slot {
			return "CROSSSLOT Keys in request don't hash to the same slot"
		}
		if n.store.Exists(k) {
			present++
		}
	}
	m, moving := s.moving[slot]
	owner := int(s.owner[slot])
	switch {
	case owner == n.index && moving && present < len(keys):
		if present > 0 {
			return "TRYAGAIN Multiple keys request during rehashing of slot"
		}
		return fmt.Sprintf("ASK %d %s", slot, n.sim.nodes[m.to].addr)
	case owner == n.index:
		return ""
	case moving && m.to == n.index && asking:
		if len(keys) > 1 && present < len(keys) {
			return "TRYAGAIN Multiple keys request during rehashing of slot"
		}
		return ""
	}
	return fmt.Sprintf("MOVED %d %s", slot, n.sim.nodes[owner].addr)
}

// slotTable is the answer to CLUSTER SLOTS.
func (s *simulation) slotTable() string {
	if s.slots == nil {
		return "-ERR This instance has cluster support disabled\r\n"
	}
	if s.slots.table != "" {
		return s.slots.table
	}
	var b strings.Builder
	ranges := 0
	for from := 0; from < slotCount; {
		to := from
		for to+1 < slotCount && s.slots.owner[to+1] == s.slots.owner[from] {
			to++
		}
		n := s.nodes[s.slots.owner[from]]
		host, port, _ := strings.Cut(n.addr, ":")
		fmt.Fprintf(&b, "*3\r\n:%d\r\n:%d\r\n*3\r\n", from, to)
		writeBulk(&b, host)
		fmt.Fprintf(&b, ":%s\r\n", port)
		writeBulk(&b, n.id)
		ranges++
		from = to + 1
	}
	s.slots.table = fmt.Sprintf("*%d\r\n", ranges) + b.String()
	return s.slots.table
}

// moveKey takes one key along, as MIGRATE does.
func (s *simulation) moveKey(key string, m move) {
	from, to := s.nodes[m.from], s.nodes[m.to]
	if !from.store.Exists(key) {
		return
	}
	from.tick()
	to.tick()
	to.store.Del(key)
	from.copyKey(key, to)
	from.store.Del(key)
}
