package streams_test

import (
	"testing"

	"github.com/rejoin-dev/rejoin/streams"
)

// plainBack is the next plain join with the same connectionId and role.
func (m *member) plainBack(tb failer, in *instance, change ...func(*streams.Attach)) (streams.Attached, *member) {
	tb.Helper()
	a := request(m.room, m.role, plain, m.keep)
	for _, c := range change {
		c(&a)
	}
	return in.try(tb, a)
}

func TestPlainClientTakesOverTheOneThatWaits(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, w := x.join(t, room, extension, plain), y.join(t, room, wallet, plain)
		e.send(t, w, 'c', "0", "1")
		must(t, y.ack(w.ref(), w.seq(0)))
		w.drop(t)
		e.send(t, w, 'c', "2")
		x.rung(t, room)

		got, again := w.plainBack(t, x)
		if got.Verdict != streams.Resumed || got.Client != w.id || got.Replay != 2 || len(got.Peers) != 1 || got.Peers[0].Client != e.id {
			t.Fatalf("takeover: %+v", got)
		}
		sameNames(t, names(got.Entries), "1", "2")
		if got := kinds(x.rung(t, room), room); got != "r" {
			t.Errorf("doorbells %q", got)
		}
		again.send(t, e, 'a', "answer")
		if got := must(t, y.send(w.message(e.id, 'a', "late"))); got != streams.SenderFenced {
			t.Errorf("the old connection sends: %d", got)
		}
	})
}

// With two sessions waiting it is unclear which client this is, so it is a new one.
func TestPlainClientTakesOverNeitherOfTwo(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		one := x.join(t, room, wallet, plain)
		got, two := one.plainBack(t, x, func(a *streams.Attach) { a.Probed = true }) // one is alive
		if got.Verdict != streams.Fresh {
			t.Fatalf("while one is live: %+v", got)
		}
		one.drop(t)
		two.drop(t)
		if got, _ := one.plainBack(t, x); got.Verdict != streams.Fresh {
			t.Errorf("two wait: %+v", got)
		}
	})
}

func TestPlainClientTakesOverOnlyItsOwnKind(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		r := x.join(t, room, wallet, rejoin)
		r.drop(t)
		if got, w := r.plainBack(t, x); got.Verdict != streams.Fresh {
			t.Errorf("a rejoin.v1 session: %+v", got)
		} else {
			w.drop(t)
			other := request(room, extension, plain, true)
			if got, _ := x.try(t, other); got.Verdict != streams.Fresh {
				t.Errorf("the other role's: %+v", got)
			}
			noKeep := request(room, wallet, plain, false)
			if got, _ := x.try(t, noKeep); got.Verdict != streams.Fresh {
				t.Errorf("for one that is not to be kept: %+v", got)
			}
			if got, _ := x.try(t, request(newRoom(), wallet, plain, true)); got.Verdict != streams.Fresh {
				t.Errorf("another room's: %+v", got)
			}
			p.elapse(t, room, w.id)
			if got, _ := w.plainBack(t, x); got.Verdict != streams.Fresh {
				t.Errorf("after its window: %+v", got)
			}
		}
	})
}

// R5, plain: the old connection looks alive. It is probed, and taken over only when it does not answer.
func TestPlainClientThatLooksAliveIsProbed(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, w := x.join(t, room, extension, plain), y.join(t, room, wallet, plain)
		e.send(t, w, 'c', "0")
		keysBefore := p.keys(t, room)

		a := request(room, wallet, plain, true)
		got := must(t, x.attach(a))
		if got.Verdict != streams.Contested || len(got.Contested) != 1 || got.Contested[0] != w.ref() {
			t.Fatalf("attach: %+v", got)
		}
		sameNames(t, p.keys(t, room), keysBefore...)
		probe := y.bell(t, streams.BellProbe, w.id)
		if probe.ReplyTo != x.name || probe.Nonce != got.Nonce || probe.Session != w.session {
			t.Errorf("probe: %+v, nonce %s", probe, got.Nonce)
		}
		y.Alive(streams.Probe{Room: room, Client: w.id, ReplyTo: probe.ReplyTo, Nonce: probe.Nonce})
		if alive := x.bell(t, streams.BellAlive, w.id); alive.Nonce != got.Nonce {
			t.Errorf("answer: %+v", alive)
		}
		a.Probed = true
		got, fresh := x.try(t, a)
		if got.Verdict != streams.Fresh || got.Client == w.id {
			t.Fatalf("it is alive: %+v", got)
		}
		w.all(t, streams.EntryID{})
		must(t, x.leave(fresh.ref(), streams.EntryID{}))

		b := request(room, wallet, plain, true)
		b.Probed, b.Dead = true, []streams.SessionRef{w.ref()}
		got, _ = x.try(t, b)
		if got.Verdict != streams.Resumed || got.Client != w.id {
			t.Fatalf("it is dead: %+v", got)
		}
		sameNames(t, names(got.Entries), "0")
		y.bell(t, streams.BellFenced, w.id)
	})
}

// A probe's verdict is about one connection: one that has come back since is not touched.
func TestDeadProbeDoesNotHitALaterConnection(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		w := x.join(t, room, wallet, plain)
		dead := []streams.SessionRef{w.ref()}
		w.drop(t)
		_, w = w.plainBack(t, x)
		got, _ := w.plainBack(t, x, func(a *streams.Attach) { a.Probed, a.Dead = true, dead })
		if got.Verdict != streams.Fresh {
			t.Errorf("attach: %+v", got)
		}
		w.all(t, streams.EntryID{})
	})
}

// The instance of the old connection has no subscription: no need to wait for a probe.
func TestPlainClientOfADeadInstanceIsTakenOverAtOnce(t *testing.T) {
	onServers(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, w := x.join(t, room, extension, plain), y.join(t, room, wallet, plain)
		e.send(t, w, 'o', "0")
		y.die(t)
		got, _ := w.plainBack(t, x)
		if got.Verdict != streams.Resumed || got.Client != w.id {
			t.Fatalf("takeover: %+v", got)
		}
		sameNames(t, names(got.Entries), "0")
	})
}
