package streams_test

import (
	"time"

	"github.com/rejoin-dev/rejoin/streams"
)

const (
	wallet    = "w"
	extension = "e"
	plain     = byte('p')
	rejoin    = byte('r')
)

// member is one connection of a client: what an instance knows of it.
type member struct {
	in      *instance
	room    string
	id      string
	session string
	role    string
	dialect byte
	keep    bool
	token   string // its hash, "" for plain
	got     streams.Attached
}

// request is what a new connection asks for.
func request(room, role string, dialect byte, keep bool) streams.Attach {
	a := streams.Attach{
		Room: room, Session: streams.NewSession(), Role: role, Dialect: dialect, Keep: keep,
		NewClient: newClient(), Started: time.Now(),
	}
	if dialect == rejoin {
		a.TokenHash = "tok" + randomHex(8)
	}
	return a
}

// try attaches and returns the outcome, and the connection if it has a session now.
func (in *instance) try(tb failer, a streams.Attach) (streams.Attached, *member) {
	tb.Helper()
	got := must(tb, in.attach(a))
	if got.Verdict == streams.Held {
		a.Holder = got.Contested[0].Session
		got = must(tb, in.attach(a))
	}
	m := &member{
		in: in, room: a.Room, id: got.Client, session: a.Session, role: a.Role, dialect: a.Dialect, keep: a.Keep,
		token: a.TokenHash, got: got,
	}
	if got.Verdict == streams.Resumed {
		m.token = a.ResumedHash
	}
	return got, m
}

// join attaches a new client; dialect rejoin survives a lost connection, plain too when it is a wallet.
func (in *instance) join(tb failer, room, role string, dialect byte) *member {
	tb.Helper()
	got, m := in.try(tb, request(room, role, dialect, dialect == rejoin || role == wallet))
	if got.Verdict != streams.Fresh || got.Refusal != streams.NotRefused {
		tb.Fatalf("join: %+v", got)
	}
	return m
}

// back is the request of m's client that comes back, having everything up to after.
func (m *member) back(after streams.EntryID) streams.Attach {
	a := request(m.room, m.role, m.dialect, m.keep)
	a.Resume, a.ResumeHash, a.ResumedHash, a.After = m.id, m.token, "tok"+randomHex(8), after
	return a
}

// resume brings m's client back on another connection.
func (m *member) resume(tb failer, in *instance, after streams.EntryID) *member {
	tb.Helper()
	got, n := in.try(tb, m.back(after))
	if got.Verdict != streams.Resumed || got.Client != m.id {
		tb.Fatalf("resume: %+v", got)
	}
	return n
}

func (m *member) ref() streams.SessionRef {
	return streams.SessionRef{Room: m.room, Client: m.id, Session: m.session}
}

// message is one to another member; its name is its data, makes its fingerprint, and begins its request ID.
func (m *member) message(to string, kind byte, name string) streams.Message {
	return streams.Message{
		Room: []byte(m.room), From: []byte(m.id), Session: []byte(m.session), Target: []byte(to),
		Fingerprint: fingerprint(m.id, to, name), Kind: kind, RequestID: []byte(`"` + name[:min(len(name), 20)] + `"`), Data: []byte(name),
	}
}

// send sends messages of a kind, one after the other, all of which have to be stored.
func (m *member) send(tb failer, to *member, kind byte, names ...string) {
	tb.Helper()
	for _, name := range names {
		m.want(tb, streams.Stored, to, kind, name)
	}
}

func (m *member) want(tb failer, want streams.Outcome, to *member, kind byte, name string) {
	tb.Helper()
	if got := must(tb, m.in.send(m.message(to.id, kind, name))); got != want {
		tb.Fatalf("send %.20s: outcome %d, want %d", name, got, want)
	}
}

// drop loses the connection: the grace window starts.
func (m *member) drop(tb failer) {
	tb.Helper()
	if hold := must(tb, m.in.detach(m.ref(), streams.EntryID{})); hold != streams.HoldingOurs {
		tb.Fatalf("detach: %d", hold)
	}
}

// seq is the n-th entry of m's mailbox, counted from 0.
func (m *member) seq(n uint64) streams.EntryID { return streams.EntryID{Epoch: m.got.Epoch, Seq: n} }

// all reads the mailbox after an entry, page by page.
func (m *member) all(tb failer, after streams.EntryID) (entries []streams.Entry) {
	tb.Helper()
	for more := true; more; {
		s := must(tb, m.in.sync(m.ref(), after))
		if s.Holding != streams.HoldingOurs {
			tb.Fatalf("sync: %d", s.Holding)
		}
		entries = append(entries, s.Entries...)
		if more = s.More; more {
			after = entries[len(entries)-1].ID
		}
	}
	return entries
}

func names(entries []streams.Entry) []string {
	var list []string
	for _, e := range entries {
		list = append(list, e.Body.Data())
	}
	return list
}

func opposite(role string) string {
	if role == wallet {
		return extension
	}
	return wallet
}
