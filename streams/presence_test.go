package streams_test

import (
	"testing"

	"github.com/rejoin-dev/rejoin/streams"
)

func TestPresenceIsToldOnceToEachInstanceThatHoldsAPeer(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, z, room := p.open(t), p.open(t), p.open(t), newRoom()
		x.join(t, room, extension, rejoin)
		x.join(t, room, extension, plain)
		y.join(t, room, extension, rejoin)
		z.join(t, room, wallet, rejoin) // z holds none of the other role
		for _, in := range []*instance{x, y, z} {
			in.rung(t, room)
		}
		expect := func(what string, kind streams.BellKind, m *member) {
			t.Helper()
			var version uint64
			for _, in := range []*instance{x, y} {
				bells := in.rung(t, room)
				if kinds(bells, room) != string(kind) {
					t.Fatalf("%s: doorbells %q", what, kinds(bells, room))
				}
				b := bells[0]
				if b.Client != m.id || b.Role != m.role || b.Dialect != m.dialect || b.Keep != m.keep || b.Session != m.session ||
					b.Instance != m.in.name || version != 0 && b.Version != version {
					t.Errorf("%s: %+v", what, b)
				}
				version = b.Version
			}
			if bells := z.rung(t, room); len(bells) != 0 {
				t.Errorf("%s: its own role was told: %+v", what, bells)
			}
		}
		w := y.join(t, room, wallet, rejoin)
		expect("join", streams.BellJoined, w)
		w.drop(t)
		expect("detach", streams.BellSuspended, w)
		w = w.resume(t, x, streams.EntryID{})
		y.bell(t, streams.BellFenced, w.id)
		y.take()
		expect2 := func() { // y heard of the fence, too: taken above
			t.Helper()
			if got := kinds(x.rung(t, room), room); got != "r" {
				t.Fatalf("resume: doorbells %q", got)
			}
			y.rung(t, room)
			z.rung(t, room)
		}
		expect2()
		must(t, x.leave(w.ref(), streams.EntryID{}))
		expect("leave", streams.BellLeft, w)
	})
}

// Instant connect-and-leave: never "left" before "joined", whatever the instance (R13, at the backbone).
func TestVersionsRiseWithEveryChange(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e := x.join(t, room, extension, rejoin)
		last := e.got.Version
		for range 20 {
			w := y.join(t, room, wallet, rejoin)
			if w.got.Version <= last {
				t.Fatalf("attach answers version %d after %d", w.got.Version, last)
			}
			last = w.got.Version
			w.drop(t)
			w = w.resume(t, y, streams.EntryID{})
			must(t, y.leave(w.ref(), streams.EntryID{}))
			bells := x.rung(t, room)
			if kinds(bells, room) != "jsrl" {
				t.Fatalf("doorbells %q", kinds(bells, room))
			}
			for i, b := range bells {
				if i == 0 && b.Version != last || i > 0 && b.Version <= last {
					t.Fatalf("doorbell %c: version %d after %d", b.Kind, b.Version, last)
				}
				last = b.Version
			}
		}
		if s := must(t, x.sync(e.ref(), streams.EntryID{})); s.Version != last {
			t.Errorf("sync answers version %d, want %d", s.Version, last)
		}
	})
}

func TestSuspendedPeersInstanceIsNotRung(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), y.join(t, room, wallet, rejoin)
		w.drop(t)
		y.rung(t, room)
		e.send(t, w, 'c', "0")
		e.drop(t)
		if bells := y.rung(t, room); len(bells) != 0 {
			t.Errorf("doorbells for one who is away: %+v", bells)
		}
	})
}

// A wrong detach (its lease had run out, its probe was late) is taken back by the next comparison.
func TestSyncTakesBackASessionThatOthersBelievedLost(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), y.join(t, room, wallet, rejoin)
		if hold := must(t, x.detach(w.ref(), streams.EntryID{})); hold != streams.HoldingOurs { // on its behalf
			t.Fatalf("detach: %d", hold)
		}
		x.bell(t, streams.BellSuspended, w.id)
		x.take()
		w.all(t, streams.EntryID{})
		if b := x.bell(t, streams.BellResumed, w.id); b.Session != w.session || b.Instance != y.name {
			t.Errorf("doorbell: %+v", b)
		}
		if left := must(t, x.expire(room, w.id)); left >= 0 {
			t.Errorf("expire of a live session: %v", left)
		}
		e.send(t, w, 'c', "0")
		y.bell(t, streams.BellData, w.id)
	})
}
