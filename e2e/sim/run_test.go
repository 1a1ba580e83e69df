package sim_test

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// simulation is one history in the making.
type simulation struct {
	w         *world
	plan      *plan
	cluster   bool
	slots     *slots // nil: one server
	nodes     []*node
	engine    *engine
	instances []*instance // at their places
	all       []*instance // that there ever were
	rooms     []wire.RoomID
	members   []*member
	places    []*member // by the plan's numbers: who is there now
	placeOf   []int     // room of each place
	log_      *history.Log
	log       *slog.Logger
	dialing   sync.Mutex
	goes      sync.WaitGroup

	windows    []item          // faults that last
	losses     []time.Duration // when something was lost that Redis had
	violations []history.Violation
	faultEnd   time.Duration
	traceTo    io.Writer
}

// result is what became of a seed.
type result struct {
	losses    int
	verdict   history.Verdict
	broken    []history.Violation
	hash      string
	simulated time.Duration
	events    []history.Event
	log       string
}

// simulate lives through a plan. It has to be called within a bubble.
func simulate(p *plan, logTo io.Writer) (r result) {
	w := newWorld(p.seed)
	s := &simulation{w: w, plan: p, cluster: p.cluster, engine: newEngine(), traceTo: logTo, log_: history.NewLog(), log: discard()}
	if logTo != nil {
		s.log = slog.New(slog.NewTextHandler(logTo, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				a.Value = slog.StringValue(fmt.Sprintf("%.6f", w.now().Seconds()))
			}
			return a
		}}))
	}
	count := 1
	if p.cluster {
		count = 3
		s.slots = newSlots(count)
	}
	for i := range count {
		s.nodes = append(s.nodes, newNode(s, i))
	}
	s.instances = make([]*instance, p.instances)
	for i := range p.instances {
		w.after(w.hop(name("start"), uint64(i)), uint64(i), func() { s.start(i) })
	}
	w.run(2*time.Second, nil) // till all are ready
	for r, room := range p.rooms {
		s.rooms = append(s.rooms, s.roomID(r))
		for _, m := range room.members {
			i := len(s.places)
			s.placeOf = append(s.placeOf, r)
			s.places = append(s.places, s.join(fmt.Sprintf("%d/%s%d", r, m.role[:1], i), r, m))
		}
	}
	begin := w.now()
	for _, i := range p.items {
		s.schedule(begin, i)
	}
	w.run(begin+troubled, nil)
	s.settle(&r)
	s.farewell()
	s.close()
	r.broken = append(r.broken, s.violations...)
	slices.SortStableFunc(r.broken, func(a, b history.Violation) int { return int(a.At - b.At) })
	r.simulated = w.now()
	_, r.events = s.log_.History()
	h := fnv.New128a()
	for _, e := range r.events {
		fmt.Fprintln(h, e)
	}
	for _, v := range r.broken {
		fmt.Fprintln(h, v)
	}
	r.hash = hex.EncodeToString(h.Sum(nil))
	return r
}

func (s *simulation) roomID(r int) (room wire.RoomID) {
	for i := range room {
		room[i] = byte(s.w.draw(name("room"), uint64(r), uint64(i))) //nolint:gosec // a byte of it
	}
	return room
}

func (s *simulation) violate(law history.Law, member, format string, args ...any) {
	s.violations = append(s.violations, history.Violation{Law: law, At: s.w.now(), Text: member + " " + fmt.Sprintf(format, args...)})
}

// trace writes what happens, for comparing two lives of one plan.
func (s *simulation) trace(format string, args ...any) {
	if s.traceTo != nil {
		fmt.Fprintf(s.traceTo, "%.9f %s\n", s.w.now().Seconds(), fmt.Sprintf(format, args...))
	}
}

// --- the plan ---

func (s *simulation) schedule(begin time.Duration, i item) {
	i.at += begin
	s.faultEnd = max(s.faultEnd, i.at)
	if !slices.Contains(clientKinds, i.kind) {
		s.faultEnd = max(s.faultEnd, i.at+i.lasts)
	}
	key := name("item") + uint64(i.number) //nolint:gosec // small
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
	end := time.Duration(s.w.draw(uint64(i.number), 99)%1_000_000) + i.lasts //nolint:gosec // small
	key := name("end") + uint64(i.number)                                    //nolint:gosec // small
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
		s.w.after(step*time.Duration(k)+s.w.hop(key, uint64(k)), key+uint64(k), func() { s.moveKey(keys[k], m) }) //nolint:gosec // small
	}
	s.w.after(i.lasts+time.Millisecond, key, func() {
		for _, k := range s.nodes[from].keys() {
			if slotOf(k) == slot {
				s.moveKey(k, m)
			}
		}
		delete(s.slots.moving, slot)
		s.slots.owner[slot], s.slots.table = uint8(m.to), "" //nolint:gosec // few nodes
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
		m.stalled = max(m.stalled, s.w.now()+lasts)
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
	case doLeave:
		m.leave()
		s.w.after(lasts, key, func() {
			if s.places[i.member] == m {
				s.places[i.member] = s.join(fmt.Sprintf("%s+", m.Name), s.placeOf[i.member], memberPlan{m.Role, m.Plain})
			}
		})
	}
}

func (i item) covers(inst, node int) bool {
	return (i.inst < 0 || i.inst == inst) && (i.node < 0 || i.node == node)
}

func (i item) active(now time.Duration) bool { return i.at <= now && now < i.at+i.lasts }

// --- what faults do to the network ---

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
		of := uint64(i.number) //nolint:gosec // small
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
			f.late = max(f.late, 1+time.Duration(s.w.draw(of, n, 1)%uint64(i.delay))) //nolint:gosec // positive
		case slow:
			f.slow = max(f.slow, time.Duration(s.w.draw(of, n, 2)%uint64(i.delay))) //nolint:gosec // positive
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
		of := uint64(i.number) //nolint:gosec // small
		if !i.active(now) || !i.covers(l.inst.index, l.node.index) || !s.w.chance(i.p, of, l.id, n, 3) {
			continue
		}
		switch i.kind {
		case bellLost:
			f.lost = f.lost || bus
		case bellLate:
			f.late = max(f.late, time.Duration(s.w.draw(of, l.id, n, 4)%uint64(i.delay))) //nolint:gosec // positive
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

// --- the end ---

// settle waits until all should be well, has everybody talk to everybody, and judges.
func (s *simulation) settle(r *result) {
	s.windows = slices.DeleteFunc(s.windows, func(i item) bool { return false })
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
		for _, role := range []string{"wallet", "extension"} {
			s.join(fmt.Sprintf("%d/%s-late", room, role[:1]), room, memberPlan{role, false})
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

func (s *simulation) check(mark time.Duration) history.Verdict {
	members, events := s.log_.History()
	v := history.Check(members, events, mark)
	if len(s.losses) > 0 {
		s.excuse(&v, events)
	}
	return v
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

// live runs a plan in a bubble of its own.
func live(t *testing.T, p *plan, logTo io.Writer) (r result) {
	t.Helper()
	cryptotest.SetGlobalRandom(t, p.seed)
	rand.Seed(int64(p.seed)) //nolint:staticcheck,gosec // go-redis draws from it which node it asks
	// go-redis keeps timers in a sync.Pool, and those of one bubble must not get into the next: two collections empty it.
	runtime.GC()
	runtime.GC()
	failed := ""
	synctest.Test(t, func(t *testing.T) {
		defer func() {
			if x := recover(); x != nil {
				failed = fmt.Sprintf("%v\n%s", x, debug.Stack())
				panic(failed)
			}
		}()
		r = simulate(p, logTo)
	})
	return r
}

// endAway is a close frame of a page that goes.
var endAway = signaling.End{Kind: signaling.EndClient, Code: wire.CloseGoingAway}
