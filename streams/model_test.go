package streams_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/streams"
)

// TestModel lets clients of both dialects join, send, acknowledge, vanish, come back and leave at random, on
// instances that die and lose doorbells, and compares every answer, every doorbell and all that Redis holds with
// a model that knows nothing of Redis (R1–R3, R5–R7, R9, R11–R13, R25).
//
// -rapid.checks and -rapid.steps say how much; REJOIN_SOAK=1 is a lot.
func TestModel(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T) *place{
		"embedded": func(*testing.T) *place { return &place{embedded: true} },
		"server":   func(t *testing.T) *place { return &place{url: redistest.Server(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t)
			if p.embedded {
				p.open(t) // the embedded Redis is this one's, which does not die
			}
			w := newWorld(t, p)
			rapid.Check(t, func(t *rapid.T) {
				w.reset()
				t.Repeat(map[string]func(*rapid.T){
					"":          w.check,
					"join":      w.join,
					"send":      w.send,
					"send more": w.send,
					"outlast":   w.outlast,
					"hear":      w.hear,
					"ack":       w.ack,
					"drop":      w.drop,
					"believe":   w.believeLost,
					"die":       w.die,
					"resume":    w.resume,
					"leave":     w.leave,
					"expire":    w.expire,
					"restore":   w.restore,
					"deafen":    w.deafen,
					"sweep":     func(t *rapid.T) { w.sweep(t, w.current(t)) },
					"stale":     w.stale,
				})
				w.end(t)
			})
		})
	}
}

// allRoles are pairs, equals, one side that many of another talk to, and some whose peers are of one direction only, which are none.
func allRoles() []string {
	return []string{wallet, extension, "peer>peer", "host>viewer", "viewer>host", "viewer>peer", "peer>host", "wallet>wallet", "wallet>peer"}
}

func (w *world) anyRoom(t *rapid.T) *modelRoom {
	return w.rooms[rapid.IntRange(0, len(w.rooms)-1).Draw(t, "room")]
}

func (w *world) join(t *rapid.T) {
	r, in := w.anyRoom(t), w.anyInstance(t)
	dialect := rapid.SampledFrom([]byte{plain, rejoin}).Draw(t, "dialect")
	role := rapid.SampledFrom(r.roles).Draw(t, "role")
	if dialect == plain {
		role = rapid.SampledFrom([]string{wallet, extension}).Draw(t, "side")
	}
	w.attach(t, r, in, request(r.name, role, dialect, dialect == rejoin || role == wallet), false, nil)
}

// send makes some calls at once, of senders on one instance: they have to be served in order.
func (w *world) send(t *rapid.T) {
	first := w.current(t)
	var outcomes []streams.Outcome
	var calls []<-chan answer[streams.Outcome]
	check := func() {
		for i, call := range calls {
			if got := must(t, call); got != outcomes[i] {
				t.Fatalf("send %d: outcome %d, want %d", i, got, outcomes[i])
			}
		}
		outcomes, calls = nil, nil
	}
	for range rapid.IntRange(1, 6).Draw(t, "n") {
		c := pick(t, "sender", w.conns, func(c *conn) bool { return c.holds() && c.in == first.in && c.r == first.r })
		to := pick(t, "target", w.clients, func(cl *client) bool { return cl.room == c.room && cl.id != c.id })
		w.names++
		name := fmt.Sprint("m", w.names)
		again := c.r.notesOf(c.id, to.id)
		repeated := len(again) > 0 && rapid.IntRange(0, 5).Draw(t, "again") == 0
		if repeated {
			name = rapid.SampledFrom(again).Draw(t, "which")
		}
		m := c.message(to.id, rapid.SampledFrom([]byte("oacCm")).Draw(t, "kind"), name)
		m.Beyond = m.Kind == 'm'
		m.TTL = rapid.SampledFrom([]time.Duration{0, 0, time.Hour}).Draw(t, "TTL")
		if s := c.r.seats[c.id]; !repeated && s != nil && rapid.Bool().Draw(t, "in order") {
			m.Before = s.answered
		}
		outcome, unheard := c.r.send(c.id, c.session, to.id, name, &m, bodySize(&m))
		outcomes, calls = append(outcomes, outcome), append(calls, c.in.send(m))
		if unheard != nil { // what follows is a step of its own, behind this one and before whatever is called next
			check()
			must(t, c.in.expire(c.r.name, newClient())) // of no client; its answer comes behind that step
			unheard()
		}
	}
	check()
}

func bodySize(m *streams.Message) int {
	return len(streams.AppendBody(nil, m.Kind, m.From, m.RequestID, m.Data))
}

// outlast sends a client that is away a message whose time is over before it is back, and has Redis asked then.
func (w *world) outlast(t *rapid.T) {
	c := pick(t, "sender", w.conns, func(c *conn) bool { return c.holds() && c.dialect == rejoin })
	to := pick(t, "target that is away", w.clients, func(cl *client) bool {
		s := c.r.seats[cl.id]
		return cl.room == c.room && s != nil && !s.live && !s.over
	})
	w.names++
	name := fmt.Sprint("m", w.names)
	m := c.message(to.id, 'm', name)
	m.TTL = time.Millisecond
	want, _ := c.r.send(c.id, c.session, to.id, name, &m, bodySize(&m))
	if got := must(t, c.in.send(m)); got != want {
		t.Fatalf("send: outcome %d, want %d", got, want)
	}
	if want != streams.Stored {
		return
	}
	asking := w.anyInstance(t)
	for next := time.Second; next > 0 && next < time.Minute; { // what is left then has an hour, or no end
		next = must(t, begin(func(done func(time.Duration, error)) { asking.Overdue(c.room, to.id, done) }))
	}
	c.r.overdue(c.r.seats[to.id], name)
}

// hear has a client prove that it knows of a message whose time was over.
func (w *world) hear(t *rapid.T) {
	c := pick(t, "sender of what was late", w.conns, func(c *conn) bool { return c.holds() && len(c.r.seats[c.id].late) > 0 })
	s := c.r.seats[c.id]
	item := rapid.SampledFrom(s.late).Draw(t, "item")
	receiver, name, _ := strings.Cut(item, "/")
	told(w.outer, c.in, c.room, c.id, streams.Undelivered{Client: receiver, RequestID: `"` + name + `"`})
	s.toldLate(item)
}

// notesOf are the names of what one client has sent another.
func (r *modelRoom) notesOf(from, to string) (list []string) {
	for _, n := range r.notes {
		if n.from == from && n.to == to {
			list = append(list, n.name)
		}
	}
	return list
}

// ack is what a client says to have got: what is true, or anything.
func (w *world) ack(t *rapid.T) {
	c := w.current(t)
	s := c.r.seats[c.id]
	id := c.last
	switch rapid.IntRange(0, 5).Draw(t, "position") {
	case 0:
		id = streams.EntryID{}
	case 1:
		id.Seq = uint64(rapid.IntRange(0, 3).Draw(t, "back"))
	case 2: // beyond what there is
		id = streams.EntryID{Epoch: s.epoch + uint64(rapid.IntRange(0, 1).Draw(t, "epoch")), Seq: s.next + 5}
	}
	if hold := must(t, c.in.ack(c.ref(), id)); hold != streams.HoldingOurs {
		t.Fatalf("ack: %d", hold)
	}
	c.r.freeUpTo(s, id)
	s.spoken()
	if id.Compare(c.last) > 0 {
		c.r.claim(c.c)
	}
}

// claim remembers what a client wrongly claimed to have: only that client suffers for it.
func (r *modelRoom) claim(cl *client) {
	for _, n := range r.notes {
		if n.to == cl.id && n.fate == acked && !slices.Contains(cl.got, n.name) {
			n.fate = claimed
		}
	}
}

func (w *world) drop(t *rapid.T) {
	c := w.current(t)
	w.detach(t, c, c.in, rapid.Bool().Draw(t, "acked"))
	c.closed = true
}

// believeLost is a detach by another instance, which is wrong, or right if the holder is dead.
func (w *world) believeLost(t *rapid.T) {
	c := pick(t, "session", w.conns, func(c *conn) bool { _, hold := c.r.holder(c.id, c.session); return hold == streams.HoldingOurs })
	w.detach(t, c, w.anyInstance(t), false)
}

func (w *world) detach(t *rapid.T, c *conn, by *instance, withAck bool) {
	s, want := c.r.holder(c.id, c.session)
	var id streams.EntryID
	if withAck {
		id = c.last
	}
	if !s.live {
		want = streams.HoldingFenced
	} else {
		c.r.freeUpTo(s, id)
		c.r.lapse(s)
		c.r.settle()
	}
	if hold := must(t, by.detach(c.ref(), id)); hold != want {
		t.Fatalf("detach: %d, want %d", hold, want)
	}
}

// die ends an instance without a word about its sessions, and starts another.
func (w *world) die(t *rapid.T) {
	if rapid.IntRange(0, 2).Draw(t, "die") > 0 {
		t.Skip("not so often")
	}
	i := rapid.IntRange(0, len(w.live)-1).Draw(t, "instance")
	gone := w.live[i]
	gone.die(w.outer)
	for _, r := range w.rooms {
		r.dead[gone.name] = true
	}
	for _, c := range w.conns {
		if c.in == gone {
			c.closed = true
		}
	}
	w.live[i] = w.open()
}

// resume brings a client back with what it has, or with something else.
func (w *world) resume(t *rapid.T) {
	cl := pick(t, "client", w.clients, func(cl *client) bool { return cl.dialect == rejoin })
	a, slow := cl.back(cl.cursor), false
	switch rapid.IntRange(0, 11).Draw(t, "how") {
	case 0:
		a.After = streams.EntryID{}
	case 1:
		a.After.Seq++
	case 2:
		a.After = streams.EntryID{Epoch: a.After.Epoch + 1, Seq: 3}
	case 3:
		a.ResumeHash = "wrong"
	case 4:
		a.ResumeHash = cl.older
	case 5:
		a.ResumeHash, slow = cl.older, true
		a.Started = time.Now().Add(-time.Hour)
	case 6:
		a.Role = rapid.SampledFrom(slices.DeleteFunc(allRoles(), func(role string) bool { return role == a.Role })).Draw(t, "other role")
	case 7:
		a.Resume = newClient()
	case 8:
		other := pick(t, "other", w.clients, func(o *client) bool { return o.room == cl.room })
		a.ResumeHash = other.token
	}
	r := cl.lastConn.r
	lies := a.After.Compare(cl.cursor) > 0
	w.attach(t, r, w.anyInstance(t), a, slow, cl)
	if lies {
		r.claim(cl)
	}
}

func (w *world) leave(t *rapid.T) {
	c := w.current(t)
	s := c.r.seats[c.id]
	var id streams.EntryID
	if rapid.Bool().Draw(t, "acked") {
		id = c.last
	}
	c.r.freeUpTo(s, id)
	c.r.remove(s, "left")
	c.r.settle()
	if !must(t, c.in.leave(c.ref(), id)) {
		t.Fatal("leave did not end the session")
	}
	c.closed = true
}

// expire ends a window. All instances may notice, or none yet; one ends the session.
func (w *world) expire(t *rapid.T) {
	r := w.anyRoom(t)
	s := pick(t, "suspended", r.sorted(), func(s *seat) bool { return !s.live })
	if !s.over {
		if left := must(t, w.anyInstance(t).expire(r.name, s.id)); left <= 0 {
			t.Fatalf("it ended early: %v", left)
		}
		w.p.elapse(t, r.name, s.id)
		s.over = true
	}
	if rapid.Bool().Draw(t, "unseen") {
		return
	}
	var calls []<-chan answer[time.Duration]
	for _, in := range w.live {
		calls = append(calls, in.expire(r.name, s.id), in.expire(r.name, s.id))
	}
	won := 0
	for _, c := range calls {
		if must(t, c) == 0 {
			won++
		}
	}
	if won != 1 {
		t.Fatalf("%d ended it", won)
	}
	r.remove(s, "over")
	r.settle()
}

func (w *world) restore(t *rapid.T) {
	c := w.current(t)
	s := c.r.seats[c.id]
	a := c.own(c.last, c.c.older)
	for _, o := range c.r.sorted() {
		if !o.live && o.over && o != s {
			c.r.remove(o, "over")
		}
	}
	s.live, s.over = true, false
	c.r.announce("r", s)
	got := must(t, c.in.restore(a))
	if got.Verdict != streams.Resumed || got.Client != c.id || got.Epoch <= s.epoch {
		t.Fatalf("restore: %+v, epoch before %d", got, s.epoch)
	}
	s.epoch, s.next = got.Epoch, 0
	c.got.Epoch = got.Epoch
	for _, e := range got.Entries {
		w.deliver(t, c, e)
	}
	if got.More {
		w.sweep(t, c)
	}
}

func (w *world) deafen(t *rapid.T) {
	in := w.anyInstance(t)
	w.deaf[in] = !w.deaf[in]
}

// stale does something in the name of a session that has another connection, or none.
func (w *world) stale(t *rapid.T) {
	c := pick(t, "stale connection", w.conns, func(c *conn) bool { _, hold := c.r.holder(c.id, c.session); return hold != streams.HoldingOurs })
	_, want := c.r.holder(c.id, c.session)
	in := w.anyInstance(t)
	got := want
	switch rapid.IntRange(0, 5).Draw(t, "what") {
	case 0:
		to := pick(t, "target", w.clients, func(cl *client) bool { return cl.room == c.room })
		if o := must(t, in.send(c.message(to.id, 'c', "stale"))); o != streams.SenderFenced {
			t.Fatalf("send: %d", o)
		}
	case 1:
		got = must(t, in.ack(c.ref(), streams.EntryID{Epoch: 1 << 60}))
	case 2:
		got = must(t, in.detach(c.ref(), streams.EntryID{Epoch: 1 << 60}))
	case 3:
		if must(t, in.leave(c.ref(), streams.EntryID{Epoch: 1 << 60})) {
			t.Fatal("leave ended the session")
		}
	case 4:
		want = c.r.synced(c.id, c.session)
		s := must(t, in.sync(c.ref(), streams.EntryID{}))
		if got = s.Holding; s.Entries != nil || s.Peers != nil {
			t.Fatalf("sync: %+v", s)
		}
	case 5:
		if want == streams.HoldingFenced {
			if a := must(t, in.restore(c.own(streams.EntryID{}, ""))); a.Verdict != streams.RestoreFenced {
				t.Fatalf("restore: %+v", a)
			}
		}
	}
	if got != want {
		t.Fatalf("hold %d, want %d", got, want)
	}
}

// end has all clients read what is left, and leave. By then the fate of every message is known, and no key remains.
func (w *world) end(t *rapid.T) {
	for _, c := range w.conns {
		if c.holds() {
			w.sweep(t, c)
		}
	}
	w.check(t)
	got := map[string][]string{}
	for _, cl := range w.clients {
		got[cl.id] = append(got[cl.id], cl.got...)
	}
	for _, r := range w.rooms {
		for _, n := range r.notes {
			heard := slices.Contains(got[n.to], n.name)
			s := r.seats[n.to]
			if (n.fate == acked || n.fate == waiting && s.live && !r.dead[s.inst]) && !heard {
				t.Fatalf("%s for %s is %s and was not delivered", n.name, n.to, n.fate)
			}
		}
		for _, s := range r.sorted() {
			r.remove(s, "left")
			if !must(t, w.live[0].leave(streams.SessionRef{Room: r.name, Client: s.id, Session: s.sid}, streams.EntryID{})) {
				t.Fatal("leave did not end the session")
			}
		}
		if keys := w.p.keys(t, r.name); len(keys) > 0 {
			t.Fatalf("keys remain: %q", keys)
		}
	}
	w.settle(t)
}
