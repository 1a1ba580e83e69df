package streams_test

import (
	"slices"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/streams"
)

const peerjs = byte('j')

// id is a PeerJS id: a room, and the client ID that goes with it.
type id struct{ room, client string }

func newID() id { return id{newRoom(), newClient()} }

// claim asks for an id.
func (x id) claim(token string) streams.Attach {
	a := request(x.room, "peer>peer", peerjs, true)
	a.Claim, a.NewClient, a.TokenHash = true, x.client, token
	return a
}

// has claims an id, which has to be had, and in that way.
func (in *instance) has(tb failer, x id, token string, want streams.Verdict) *member {
	tb.Helper()
	got, m := in.try(tb, x.claim(token))
	if got.Verdict != want {
		tb.Fatalf("claim: verdict %d, want %d", got.Verdict, want)
	}
	return m
}

const boxLife = 5 * time.Second

// letter is a message from one id to another; its name is its data and makes its fingerprint.
func (x id) letter(from, name string) streams.Post {
	return streams.Post{
		Room: x.room, Client: x.client, Role: "peer>peer", Fingerprint: fingerprint(from, name), Box: boxLife, Kind: 'm',
		RequestID: []byte(from), Data: []byte(name),
	}
}

func (in *instance) post(tb failer, p streams.Post) streams.Posted {
	tb.Helper()
	return must(tb, begin(func(done func(streams.Posted, error)) { in.Post(p, done) }))
}

func (in *instance) posts(tb failer, x id, from string, names ...string) {
	tb.Helper()
	for _, name := range names {
		if got := in.post(tb, x.letter(from, name)); got.Outcome != streams.Stored {
			tb.Fatalf("post %s: %+v", name, got)
		}
	}
}

// unreached waits for the end of the session of an id, and returns whom it was told to.
func (in *instance) unreached(tb failer, x id, reason string) (routes []string) {
	tb.Helper()
	in.wait(tb, "the end", func() bool {
		for _, e := range in.ended {
			if e.Client == x.client && e.Reason == reason {
				routes = e.Unreached
				return true
			}
		}
		return false
	})
	return routes
}

// An attempt that reaches Redis after the client's next one, and shows the same token, does not evict that one.
func TestAClaimThatArrivesLateDoesNotEvictANewerOne(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, alice := p.open(t), p.open(t), newID()
		lost := x.has(t, alice, "t1", streams.Fresh)
		late := alice.claim("t1")
		if got := must(t, x.attach(late)); got.Verdict != streams.Held || got.Contested[0] != lost.ref() {
			t.Fatalf("%+v", got)
		}
		newer := y.has(t, alice, "t1", streams.Resumed)
		late.Holder, late.Started = lost.session, time.Now()
		if got := must(t, x.attach(late)); got.Verdict != streams.Held || got.Contested[0] != newer.ref() {
			t.Fatalf("the late one: %+v", got)
		}
		if hold := must(t, y.ack(newer.ref(), newer.seq(0))); hold != streams.HoldingOurs {
			t.Errorf("the newer one does not have it: %d", hold)
		}
	})
}

func TestAnIDIsItsTokens(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, alice := p.open(t), p.open(t), newID()
		first := x.has(t, alice, "t1", streams.Fresh)
		x.posts(t, alice, "bob", "0", "1")

		// The very token takes it over, and is given what is not acknowledged.
		second := y.has(t, alice, "t1", streams.Resumed)
		if got := names(second.got.Entries); !slices.Equal(got, []string{"0", "1"}) {
			t.Fatalf("replayed %q", got)
		}
		x.bell(t, streams.BellFenced, alice.client)
		if hold := must(t, x.ack(first.ref(), first.seq(0))); hold != streams.HoldingFenced {
			t.Fatalf("the first connection has it: %d", hold)
		}

		// Another one has to wait for the proof that its holder lives.
		got, _ := x.try(t, alice.claim("t2"))
		if got.Verdict != streams.Contested || len(got.Contested) != 1 || got.Contested[0].Session != second.session {
			t.Fatalf("%+v", got)
		}
		y.bell(t, streams.BellProbe, alice.client)
		again := alice.claim("t2")
		again.Probed = true
		if got, _ := x.try(t, again); got.Verdict != streams.Taken {
			t.Fatalf("%+v", got)
		}

		// While it waits, its own token has what is waiting with it, and another one begins anew.
		second.drop(t)
		y.has(t, alice, "t1", streams.Resumed).drop(t)
		if third := x.has(t, alice, "t2", streams.Fresh); len(third.got.Entries) != 0 || third.got.Epoch < second.got.Epoch {
			t.Fatalf("%+v", third.got)
		}
		if got := x.unreached(t, alice, streams.ReasonReplaced); !slices.Equal(got, []string{"bob"}) {
			t.Fatalf("told %q", got)
		}
	})
}

func TestADeadHolderOfAnIDIsReplaced(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, alice := p.open(t), p.open(t), newID()
		m := x.has(t, alice, "t1", streams.Fresh)
		again := alice.claim("t2")
		again.Probed, again.Dead = true, []streams.SessionRef{m.ref()}
		if got, _ := y.try(t, again); got.Verdict != streams.Fresh {
			t.Fatalf("%+v", got)
		}
		x.bell(t, streams.BellFenced, alice.client)
		if hold := must(t, x.detach(m.ref(), streams.EntryID{})); hold != streams.HoldingFenced {
			t.Fatalf("holding %d", hold)
		}

		y.die(t)
		x.has(t, alice, "t3", streams.Fresh) // no doorbell was heard
	})
}

func TestASlowAttemptDoesNotFenceANewerOne(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, alice := p.open(t), p.open(t), newID()
		slow := alice.claim("t1")
		slow.Started = time.Now().Add(-time.Minute)
		m := x.has(t, alice, "t1", streams.Fresh)
		if got, _ := y.try(t, slow); got.Verdict != streams.NotResumed {
			t.Fatalf("%+v", got)
		}
		if hold := must(t, x.ack(m.ref(), m.seq(0))); hold != streams.HoldingOurs {
			t.Fatalf("holding %d", hold)
		}
	})
}

func TestAClaimMayBeRepeated(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, alice := p.open(t), newID()
		x.posts(t, alice, "bob", "0")
		a := alice.claim("t1")
		for range 2 {
			got, _ := x.try(t, a)
			if (got.Verdict != streams.Resumed && got.Verdict != streams.Fresh) || !slices.Equal(names(got.Entries), []string{"0"}) {
				t.Fatalf("%+v", got)
			}
		}
	})
}

func TestMessagesWaitForAnIDInABox(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, alice := p.open(t), p.open(t), newID()
		got := x.post(t, alice.letter("bob", "0"))
		if got.Outcome != streams.Stored || !got.Waits || got.Left <= 0 || got.Left > boxLife {
			t.Fatalf("%+v", got)
		}
		y.posts(t, alice, "carol", "1")
		if got := x.post(t, alice.letter("bob", "0")); got.Outcome != streams.StoredBefore {
			t.Fatalf("repeated: %+v", got)
		}
		m := y.has(t, alice, "t1", streams.Resumed)
		if got := names(m.all(t, streams.EntryID{})); !slices.Equal(got, []string{"0", "1"}) {
			t.Fatalf("waited %q", got)
		}
		x.posts(t, alice, "bob", "2")
		y.bell(t, streams.BellData, alice.client)
		// It is the first client's: its token counts from now on.
		if got, _ := x.try(t, alice.claim("t2")); got.Verdict != streams.Contested {
			t.Fatalf("%+v", got)
		}
	})
}

func TestTheEndOfABoxIsToldOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, alice := p.open(t), p.open(t), newID()
		short := func(from, name string, wait time.Duration) streams.Post {
			l := alice.letter(from, name)
			l.Box = wait
			return l
		}
		x.post(t, short("bob", "0", 2*time.Second))
		x.post(t, short("bob", "1", 2*time.Second))
		quiet := short("", "2", 2*time.Second)
		y.post(t, quiet)
		y.post(t, short("carol", "3", 2*time.Second))
		until(t, "the box ends", func() bool {
			left := must(t, y.expire(alice.room, alice.client))
			return left <= 0
		})
		if left := must(t, x.expire(alice.room, alice.client)); left >= 0 {
			t.Fatalf("ended twice: %v", left)
		}
		if got := y.unreached(t, alice, streams.ReasonUnclaimed); !slices.Equal(got, []string{"bob", "carol"}) {
			t.Fatalf("told %q", got)
		}
		if n := p.client(t).Exists(t.Context(), "{"+alice.room+"}:m").Val(); n != 0 {
			t.Error("the room is still there")
		}
	})
}

func TestNothingIsKeptForALeave(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, alice := p.open(t), newID()
		leave := alice.letter("bob", "0")
		leave.Box = 0
		if got := x.post(t, leave); got.Outcome != streams.Missing {
			t.Fatalf("%+v", got)
		}
		if n := p.client(t).Exists(t.Context(), "{"+alice.room+"}:m").Val(); n != 0 {
			t.Error("something is kept")
		}
		x.has(t, alice, "t1", streams.Fresh).drop(t)
		if got := x.post(t, leave); got.Outcome != streams.Stored || !got.Waits {
			t.Fatalf("for one that is waited for: %+v", got)
		}
	})
}

func TestAMessageBehindOneThatIsMissing(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, alice := p.open(t), newID()
		x.has(t, alice, "t1", streams.Fresh)
		l := alice.letter("bob", "1")
		l.Before = fingerprint("bob", "0")
		if got := x.post(t, l); got.Outcome != streams.OutOfOrder {
			t.Fatalf("%+v", got)
		}
		x.posts(t, alice, "bob", "0")
		if got := x.post(t, l); got.Outcome != streams.Stored {
			t.Fatalf("%+v", got)
		}
	})
}

func TestAPostToADeadInstanceWaits(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, alice := p.open(t), p.open(t), newID()
		y.has(t, alice, "t1", streams.Fresh)
		y.die(t)
		if got := x.post(t, alice.letter("bob", "0")); got.Outcome != streams.Stored {
			t.Fatalf("%+v", got)
		}
		m := x.has(t, alice, "t1", streams.Resumed)
		if got := names(m.got.Entries); !slices.Equal(got, []string{"0"}) {
			t.Fatalf("replayed %q", got)
		}
	})
}

func TestAMailboxOfAnIDIsBounded(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, alice := p.open(t, func(o *streams.Options) { o.MailboxEntries = 2 }), newID()
		x.posts(t, alice, "bob", "0", "1")
		if got := x.post(t, alice.letter("bob", "2")); got.Outcome != streams.MailboxFull {
			t.Fatalf("%+v", got)
		}
	})
}

// A Redis that came back empty: the client that holds the id brings it back, even if something was sent to it first.
func TestAnIDIsRestored(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, alice, bob := p.open(t), p.open(t), newID(), newID()
		m, other := x.has(t, alice, "t1", streams.Fresh), x.has(t, bob, "t1", streams.Fresh)
		for _, one := range []id{alice, bob} {
			p.client(t).Del(t.Context(), "{"+one.room+"}:m", "{"+one.room+"}:s:"+one.client)
		}
		y.posts(t, alice, "bob", "0")
		a := alice.claim("t1")
		a.Session = m.session
		got := must(t, x.restore(a))
		if got.Verdict != streams.Resumed || !slices.Equal(names(got.Entries), []string{"0"}) {
			t.Fatalf("%+v", got)
		}
		y.has(t, alice, "t1", streams.Resumed)

		// Another client was faster.
		y.has(t, bob, "t2", streams.Fresh)
		a = bob.claim("t1")
		a.Session = other.session
		if got := must(t, x.restore(a)); got.Verdict != streams.RestoreFenced {
			t.Fatalf("%+v", got)
		}
	})
}

// BenchmarkPost is BenchmarkSend for messages to a PeerJS id, one at a time.
func BenchmarkPost(b *testing.B) {
	eachPlace(b, func(b *testing.B, p *place) {
		in := p.open(b, func(o *streams.Options) { o.MailboxEntries, o.MailboxBytes = 4096, 16<<20 })
		benchPost(b, in, 1024)
	})
}

func benchPost(b *testing.B, in *instance, size int) {
	alice := newID()
	m := in.has(b, alice, "t", streams.Fresh)
	l := alice.letter("bob", "0")
	l.Data = make([]byte, size)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		l.Fingerprint = uint64(i) * 0x9e3779b97f4a7c15
		if got := in.post(b, l); got.Outcome != streams.Stored {
			b.Fatalf("%+v", got)
		}
		if i%64 == 63 {
			in.Ack(m.ref(), streams.Position{UpTo: m.seq(uint64(i))}, func(streams.Holding, error) {})
			in.take()
		}
	}
}
