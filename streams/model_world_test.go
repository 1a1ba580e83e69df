package streams_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rejoin-dev/rejoin/streams"
)

// world is what the model is compared with: instances on one Redis, their connections, and the clients behind them.
// The instances outlive a run of the model; rooms are new in each.
type world struct {
	outer  *testing.T
	p      *place
	limits streams.Options
	live   []*instance
	deaf   map[*instance]bool // doorbells are lost there, for now

	rooms   []*modelRoom
	conns   []*conn
	clients []*client
	names   int
}

// conn is a connection as its instance knows it. It stays in the list when it is gone: its session is then used
// to try what must not work any more.
type conn struct {
	*member
	r      *modelRoom
	c      *client
	last   streams.EntryID // delivered
	closed bool
}

// client is what the far end knows.
type client struct {
	*member  // of its latest connection
	cursor   streams.EntryID
	older    string // token
	got      []string
	lastConn *conn
}

func newWorld(t *testing.T, p *place) *world {
	w := &world{
		outer: t, p: p,
		limits: streams.Options{MailboxEntries: 8, MailboxBytes: 900, RoomClients: 7, PageEntries: 3, PageBytes: 300},
	}
	for range 3 {
		w.live = append(w.live, w.open())
	}
	p.client(t)
	return w
}

func (w *world) open() *instance {
	return w.p.open(w.outer, func(o *streams.Options) {
		url, log := o.URL, o.Logger
		*o = w.limits
		o.URL, o.Logger = url, log
	})
}

func (w *world) reset() {
	w.rooms, w.conns, w.clients, w.names, w.deaf = nil, nil, nil, 0, map[*instance]bool{}
	for _, roles := range [][]string{{wallet, extension}, allRoles(), {"peer>peer"}} {
		w.rooms = append(w.rooms, &modelRoom{
			name: newRoom(), limit: w.limits, roles: roles, seats: map[string]*seat{}, dead: map[string]bool{}, bells: map[string][]string{},
		})
	}
	for _, in := range w.live {
		in.take()
	}
}

// pick returns a random one of those that fit; without any the action is skipped.
func pick[T any](t *rapid.T, what string, list []T, fit func(T) bool) T {
	var some []T
	for _, v := range list {
		if fit(v) {
			some = append(some, v)
		}
	}
	if len(some) == 0 {
		t.Skip("no " + what)
	}
	return some[rapid.IntRange(0, len(some)-1).Draw(t, what)]
}

func (w *world) anyInstance(t *rapid.T) *instance {
	return w.live[rapid.IntRange(0, len(w.live)-1).Draw(t, "instance")]
}

// holds reports whether the session is still this connection's.
func (c *conn) holds() bool {
	_, hold := c.r.holder(c.id, c.session)
	return !c.closed && hold == streams.HoldingOurs
}

func (w *world) current(t *rapid.T) *conn { return pick(t, "connection", w.conns, (*conn).holds) }

// attach makes a call and compares its answer with the model's, twice sometimes, as the pipeline does.
func (w *world) attach(t *rapid.T, r *modelRoom, in *instance, a streams.Attach, slow bool, of *client) {
	want := r.attach(a, in.name, slow)
	got := must(t, in.attach(a))
	w.compare(t, r, a, want, got)
	if got.Verdict == streams.Contested || got.Verdict == streams.Held {
		a.Probed = true
		for _, h := range got.Contested {
			if a.Holder = h.Session; a.Resume != "" {
				continue
			}
			if rapid.Bool().Draw(t, "dead") {
				a.Dead = append(a.Dead, h)
			}
		}
		want = r.attach(a, in.name, slow)
		got = must(t, in.attach(a))
		w.compare(t, r, a, want, got)
	}
	if got.Verdict != streams.Fresh && got.Verdict != streams.Resumed {
		return
	}
	if rapid.IntRange(0, 7).Draw(t, "repeat") == 0 {
		want = r.attach(a, in.name, slow)
		got = must(t, in.attach(a))
		w.compare(t, r, a, want, got)
	}
	w.seated(t, r, in, a, got, of)
}

func (w *world) compare(t *rapid.T, r *modelRoom, a streams.Attach, want verdict, got streams.Attached) {
	t.Helper()
	var held, probed []string
	for _, u := range got.Undelivered {
		held = append(held, u.Client+"/"+strings.Trim(u.RequestID, `"`))
	}
	for _, ref := range got.Contested {
		probed = append(probed, ref.Session)
	}
	slices.Sort(probed)
	slices.Sort(want.probed)
	if got.Verdict != want.verdict || got.Refusal != want.refusal || got.Client != want.client || got.Superseded != want.superseded ||
		!slices.Equal(held, want.held) || !slices.Equal(probed, want.probed) {
		t.Fatalf("attach %+v\n got %+v\nwant %+v", a, got, want)
	}
	s := r.seats[want.client]
	if want.client == "" {
		return
	}
	s.epoch = got.Epoch
	if got.Replay != len(s.box) || got.Last != s.last {
		t.Fatalf("attach: replay %d of %d, last %v, want %v", got.Replay, len(s.box), got.Last, s.last)
	}
	w.comparePeers(t, r, s, got.Peers)
}

func (w *world) comparePeers(t *rapid.T, r *modelRoom, s *seat, peers []streams.Peer) {
	t.Helper()
	var want, got []string
	for _, p := range r.sorted() {
		if arePeers(p, s) {
			want = append(want, fmt.Sprint(p.id, !p.live, p.sid, p.inst, p.keep))
		}
	}
	for _, p := range peers {
		got = append(got, fmt.Sprint(p.Client, p.Suspended, p.Session, p.Instance, p.Keep))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("peers %q, want %q", got, want)
	}
}

// seated makes the connection of a session, and delivers what it is given.
func (w *world) seated(t *rapid.T, r *modelRoom, in *instance, a streams.Attach, got streams.Attached, of *client) {
	m := &member{in: in, room: r.name, id: got.Client, session: a.Session, role: a.Role, dialect: a.Dialect, keep: a.Keep, got: got}
	var cl *client
	if got.Verdict == streams.Resumed {
		for _, c := range w.clients {
			if c.id == got.Client {
				cl = c
			}
		}
		m.token, cl.older = a.ResumedHash, a.ResumeHash
		cl.cursor = a.After
		if cl.lastConn != nil && of == nil {
			cl.cursor = streams.EntryID{} // plain replay is at least once
		}
	} else {
		m.token = a.TokenHash
		cl = &client{}
		w.clients = append(w.clients, cl)
	}
	c := &conn{member: m, r: r, c: cl, last: cl.cursor}
	cl.member, cl.lastConn = m, c
	w.conns = append(w.conns, c)
	for _, e := range got.Entries {
		w.deliver(t, c, e)
	}
	if got.More {
		w.sweep(t, c)
	}
	if c.last.Compare(got.Last) < 0 {
		c.last = got.Last
	}
}

// deliver gives a client one entry: the next that waits for it, and none twice.
func (w *world) deliver(t *rapid.T, c *conn, e streams.Entry) {
	t.Helper()
	if e.ID.Compare(c.last) <= 0 {
		t.Fatalf("%s got %v after %v", c.id, e.ID, c.last)
	}
	s := c.r.seats[c.id]
	i := slices.IndexFunc(s.box, func(n *note) bool { return n.id.Compare(c.last) > 0 })
	if i < 0 || s.box[i].id != e.ID || s.box[i].name != e.Body.Data() || s.box[i].from != e.Body.From() || s.box[i].kind != e.Body.Kind() {
		t.Fatalf("%s got %v %q after %v, which is not the next of its mailbox", c.id, e.ID, e.Body, c.last)
	}
	c.last = e.ID
	c.c.cursor = e.ID
	c.c.got = append(c.c.got, e.Body.Data())
}

// sweep compares a connection with Redis and reads all that it has missed.
func (w *world) sweep(t *rapid.T, c *conn) {
	t.Helper()
	for more := true; more; {
		s, hold := c.r.holder(c.id, c.session)
		if s != nil {
			c.r.revive(s, func(kind string, s *seat) { c.r.tell(s, kind+" "+s.id+" "+s.sid+" "+s.inst) })
		}
		got := must(t, c.in.sync(c.ref(), c.last))
		if got.Holding != hold {
			t.Fatalf("sync: %d, want %d", got.Holding, hold)
		}
		if hold != streams.HoldingOurs {
			c.closed = true
			return
		}
		w.comparePeers(t, c.r, s, got.Peers)
		for _, e := range got.Entries {
			w.deliver(t, c, e)
		}
		if more = got.More; !more && c.last.Compare(got.Last) < 0 {
			c.last = got.Last
		}
		if !more && slices.ContainsFunc(s.box, func(n *note) bool { return n.id.Compare(c.last) > 0 }) {
			t.Fatalf("sync stopped at %v", c.last)
		}
	}
}

// settle waits for all doorbells, compares them with those that had to ring, and delivers what they carry.
func (w *world) settle(t *rapid.T) {
	t.Helper()
	for again := true; again; { // delivering may ring more
		again = false
		for _, r := range w.rooms {
			for _, in := range w.live {
				var got []string
				bells := in.rung(t, r.name)
				for i := range bells {
					got = append(got, describe(&bells[i]))
				}
				want := r.bells[in.name]
				delete(r.bells, in.name)
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Fatalf("doorbells of %s\n got %q\nwant %q", in.name, got, want)
				}
				if !w.deaf[in] && w.ringAll(t, r, in, bells) {
					again = true
				}
			}
		}
	}
}

// ringAll is what an instance does with its doorbells. It reports whether it had to ask Redis.
func (w *world) ringAll(t *rapid.T, r *modelRoom, in *instance, bells []streams.Bell) (asked bool) {
	for i := range bells {
		b := &bells[i]
		for _, c := range w.conns {
			if c.closed || c.in != in || c.r != r || c.id != b.Client {
				continue
			}
			switch {
			case b.Kind == streams.BellFenced && b.Session == c.session:
				c.closed = true
			case b.Kind != streams.BellData || b.ID.Compare(c.last) <= 0:
			case b.ID.Epoch == c.last.Epoch && b.ID.Seq == c.last.Seq+1 || b.ID.Epoch == c.got.Epoch && b.ID.Seq == 0:
				w.deliver(t, c, streams.Entry{ID: b.ID, Body: b.Body})
			default:
				w.sweep(t, c)
				asked = true
			}
		}
	}
	return asked
}

func describe(b *streams.Bell) string {
	switch b.Kind {
	case streams.BellData:
		return fmt.Sprintf("d %s %v %s", b.Client, b.ID, b.Body.Data())
	case streams.BellJoined, streams.BellResumed:
		return fmt.Sprintf("%c %s %s %s", b.Kind, b.Client, b.Session, b.Instance)
	case streams.BellLeft:
		why := "left"
		if b.WindowOver {
			why = "over"
		}
		var list []string
		for _, u := range b.Undelivered {
			list = append(list, u.Client+"/"+strings.Trim(u.RequestID, `"`))
		}
		return fmt.Sprintf("l %s %s %s", b.Client, why, strings.Join(list, ","))
	case streams.BellOverdue:
		var list []string
		for _, u := range b.Undelivered {
			list = append(list, u.Client+"/"+strings.Trim(u.RequestID, `"`))
		}
		return fmt.Sprintf("u %s %s %s", b.Client, b.Session, strings.Join(list, ","))
	case streams.BellSuspended:
		return fmt.Sprintf("s %s", b.Client)
	}
	return fmt.Sprintf("%c %s %s", b.Kind, b.Client, b.Session)
}

// check compares what Redis holds with the model.
func (w *world) check(t *rapid.T) {
	t.Helper()
	w.settle(t)
	for _, r := range w.rooms {
		all, err := w.p.node(t, r.name).HGetAll(context.Background(), "{"+r.name+"}:m").Result()
		if err != nil {
			t.Fatal(err)
		}
		records := 0
		for id, record := range all {
			if len(id) != 36 {
				continue
			}
			records++
			s, f := r.seats[id], strings.Fields(record)
			if s == nil || (f[3] == "L") != s.live || f[4] != s.inst || f[5] != s.sid {
				t.Fatalf("%s is %q, want %+v", id, record, s)
			}
		}
		if records != len(r.seats) {
			t.Fatalf("%d sessions in %v, want %d", records, all, len(r.seats))
		}
		for _, s := range r.seats {
			var want []string
			for _, n := range s.box {
				want = append(want, n.name)
			}
			if got := w.p.mailbox(t, r.name, s.id); !slices.Equal(got, want) {
				t.Fatalf("mailbox of %s: %q, want %q", s.id, got, want)
			}
		}
	}
}
