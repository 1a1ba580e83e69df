package streams_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/streams"
)

// end waits for the end of m's session, and checks that it is told once: who tells has told before its call is answered.
func (m *member) wantEnded(tb failer, at *instance, want streams.SessionEnd) {
	tb.Helper()
	at.mu.Lock()
	defer at.mu.Unlock()
	n := 0
	for _, e := range at.ended {
		if e.Client != m.id {
			continue
		}
		n++
		if e.Lasted < 0 || e.Lasted > time.Hour {
			tb.Errorf("lasted %v", e.Lasted)
		}
		e.Lasted = 0
		want.Room, want.Client, want.Role, want.Dialect = m.room, m.id, m.role, m.dialect
		if !reflect.DeepEqual(e, want) {
			tb.Errorf("ended\n%+v, want\n%+v", e, want)
		}
	}
	if n != 1 {
		tb.Errorf("the end was told %d times", n)
	}
}

// What a session did on all of its connections is told at its end.
func TestTellsWhatASessionDid(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		hold, err := end(t, begin(func(done func(streams.Holding, error)) {
			x.Detach(w.ref(), streams.Disconnect{Tally: streams.Tally{In: 3, Out: 4}}, done)
		}))
		if hold != streams.HoldingOurs || err != nil {
			t.Fatal(hold, err)
		}
		e.send(t, w, 'o', "an offer that is superseded", "another")
		e.send(t, w, 'c', "0")
		w = w.resume(t, y, streams.EntryID{}) // two are replayed
		w2 := w.resume(t, x, streams.EntryID{})
		y.Count(room, w.id, streams.Tally{In: 10}) // fenced, it tells late
		e.send(t, w2, 'c', "1")
		must(t, begin(func(done func(bool, error)) {
			y.Sync(w.ref(), streams.Reading{}, func(streams.Synced, error) { done(true, nil) }) // behind Count, on the same worker
		}))
		ended := must(t, begin(func(done func(bool, error)) {
			x.Leave(w2.ref(), streams.Disconnect{Acked: w2.seq(1), Reason: "left", Tally: streams.Tally{In: 1, Out: 2}}, done)
		}))
		if !ended {
			t.Fatal("not ended")
		}
		w2.wantEnded(t, x, streams.SessionEnd{
			Instance: x.name, Reason: "left", Connections: 3, Tally: streams.Tally{In: 14, Out: 6}, Replayed: 4, Superseded: 1, Undelivered: 2,
		})
	})
}

func TestTellsOfAWindowThatIsOver(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), y.join(t, room, wallet, plain)
		w.drop(t)
		e.send(t, w, 'c', "0")
		p.elapse(t, room, w.id)
		must(t, x.expire(room, w.id))
		must(t, y.expire(room, w.id)) // too late
		w.wantEnded(t, x, streams.SessionEnd{Instance: y.name, Reason: streams.ReasonExpired, Connections: 1, Undelivered: 1})
		if len(y.ended) != 0 {
			t.Errorf("told twice: %+v", y.ended)
		}
	})
}

// The first to attach after a window's end ends the session along the way, and tells.
func TestAttachTellsOfWhatItEnds(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		w := x.join(t, room, wallet, rejoin)
		w.drop(t)
		p.elapse(t, room, w.id)
		y.join(t, room, extension, rejoin)
		w.wantEnded(t, y, streams.SessionEnd{Instance: x.name, Reason: streams.ReasonExpired, Connections: 1})
	})
}

func TestTellsOfASessionWithoutAWindow(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x := p.open(t)
		e := x.join(t, newRoom(), extension, plain)
		must(t, begin(func(done func(streams.Holding, error)) {
			x.Detach(e.ref(), streams.Disconnect{Reason: "drained", Tally: streams.Tally{In: 1}}, done)
		}))
		e.wantEnded(t, x, streams.SessionEnd{Instance: x.name, Reason: "drained", Connections: 1, Tally: streams.Tally{In: 1}})
	})
}
