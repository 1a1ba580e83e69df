package streams_test

import (
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/streams"
)

// A lost session frame locks no client out: the older token stays good until the client has spoken.
func TestOlderTokenIsGoodUntilTheClientHasSpoken(t *testing.T) {
	speak := map[string]func(t *testing.T, w, e *member){
		"send": func(t *testing.T, w, e *member) { w.send(t, e, 'c', "spoken") },
		"ack":  func(t *testing.T, w, _ *member) { must(t, w.in.ack(w.ref(), streams.EntryID{})) },
		"ack of an entry": func(t *testing.T, w, e *member) {
			e.send(t, w, 'c', "heard")
			must(t, w.in.ack(w.ref(), w.got.Last))
		},
	}
	everywhere(t, func(t *testing.T, p *place) {
		x := p.open(t)
		for name, spoken := range speak {
			room := newRoom()
			e, first := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
			second := first.resume(t, x, streams.EntryID{})
			third := first.resume(t, x, streams.EntryID{}) // the second one's token never arrived
			fourth := third.resume(t, x, streams.EntryID{})
			if got, _ := x.try(t, second.back(streams.EntryID{})); got.Refusal != streams.RefusedMismatch {
				t.Errorf("%s: a token that was replaced before it was told: %+v", name, got)
			}
			spoken(t, fourth, e)
			if got, _ := x.try(t, third.back(streams.EntryID{})); got.Refusal != streams.RefusedMismatch {
				t.Errorf("%s: the older token after the client has spoken: %+v", name, got)
			}
			fourth.resume(t, x, streams.EntryID{})
		}
	})
}

// R5: no clock tells how long a call was on its way to Redis. One that overtook it is not evicted.
func TestAttemptThatArrivesLateDoesNotEvictANewerOne(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		w := x.join(t, room, wallet, rejoin)
		lost := w.resume(t, x, streams.EntryID{}) // its token never arrived
		late, newer := w.back(streams.EntryID{}), w.back(streams.EntryID{})
		contested := must(t, x.attach(late))
		if contested.Verdict != streams.Held || len(contested.Contested) != 1 || contested.Contested[0] != lost.ref() {
			t.Fatalf("a resume by the older token: %+v", contested)
		}
		lost.all(t, streams.EntryID{}) // still holds the session
		got, n := y.try(t, newer)
		if got.Verdict != streams.Resumed {
			t.Fatalf("the newer attempt: %+v", got)
		}
		late.Holder, late.Started = contested.Contested[0].Session, time.Now() // and this one arrives now
		if got := must(t, x.attach(late)); got.Verdict != streams.Held || len(got.Contested) != 1 || got.Contested[0] != n.ref() {
			t.Fatalf("the late attempt: %+v", got)
		}
		n.all(t, streams.EntryID{}) // still holds the session
		late.Holder = n.session
		if got := must(t, x.attach(late)); got.Verdict != streams.Resumed {
			t.Errorf("an attempt that has a client: %+v", got)
		}
	})
}

// R5: a client's own slow attempt does not evict its newer one.
func TestAttemptThatWaitedDoesNotEvictANewerOne(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		w := x.join(t, room, wallet, rejoin)
		slow := w.back(streams.EntryID{})
		slow.Started = time.Now().Add(-time.Minute)
		newer := w.resume(t, x, streams.EntryID{})
		if got, _ := x.try(t, slow); got.Verdict != streams.Fresh || got.Refusal != streams.RefusedMismatch {
			t.Fatalf("the slow attempt: %+v", got)
		}
		newer.all(t, streams.EntryID{}) // still holds the session

		current := newer.back(streams.EntryID{})
		current.Started = time.Now().Add(-time.Minute)
		if got, _ := x.try(t, current); got.Verdict != streams.Resumed {
			t.Errorf("the current token is good however long its request has waited: %+v", got)
		}
	})
}

// R5, fencing: a connection that was replaced can do nothing any more.
func TestReplacedConnectionCanDoNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, old := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		e.send(t, old, 'c', "0", "1")
		now := old.resume(t, y, streams.EntryID{})
		bell := x.bell(t, streams.BellFenced, old.id)
		if bell.Session != old.session || bell.Room != room {
			t.Errorf("doorbell: %+v", bell)
		}

		check := func(what string) {
			t.Helper()
			if got := must(t, x.send(old.message(e.id, 'c', what))); got != streams.SenderFenced {
				t.Errorf("%s: send: %d", what, got)
			}
			if got := must(t, x.ack(old.ref(), old.seq(1))); got != streams.HoldingFenced {
				t.Errorf("%s: ack: %d", what, got)
			}
			if got := must(t, x.detach(old.ref(), old.seq(1))); got != streams.HoldingFenced {
				t.Errorf("%s: detach: %d", what, got)
			}
			if must(t, x.leave(old.ref(), old.seq(1))) {
				t.Errorf("%s: leave ended the session", what)
			}
			if got := must(t, x.sync(old.ref(), streams.EntryID{})); got.Holding != streams.HoldingFenced || got.Entries != nil {
				t.Errorf("%s: sync: %+v", what, got)
			}
			restore := streams.Attach{Room: room, Session: old.session, Role: wallet, Dialect: rejoin, Keep: true, NewClient: old.id}
			if got := must(t, x.restore(restore)); got.Verdict != streams.RestoreFenced {
				t.Errorf("%s: restore: %+v", what, got)
			}
		}
		check("live elsewhere")
		sameNames(t, names(now.all(t, streams.EntryID{})), "0", "1")
		now.drop(t)
		check("suspended elsewhere")
		if must(t, x.expire(room, old.id)) <= 0 {
			t.Error("the window is not open")
		}
		sameNames(t, p.mailbox(t, room, old.id), "0", "1")
		sameNames(t, p.mailbox(t, room, e.id))
	})
}

func TestStepsOfAnEndedSessionSaySo(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		if !must(t, x.leave(w.ref(), streams.EntryID{})) {
			t.Fatal("leave did not end the session")
		}
		if must(t, x.leave(w.ref(), streams.EntryID{})) {
			t.Error("it ended twice")
		}
		if got := must(t, x.ack(w.ref(), streams.EntryID{})); got != streams.HoldingGone {
			t.Errorf("ack: %d", got)
		}
		if got := must(t, x.detach(w.ref(), streams.EntryID{})); got != streams.HoldingGone {
			t.Errorf("detach: %d", got)
		}
		if got := must(t, x.sync(w.ref(), streams.EntryID{})); got.Holding != streams.HoldingEnded {
			t.Errorf("sync: %+v", got)
		}
		if got := must(t, x.send(w.message(e.id, 'c', "late"))); got != streams.SenderFenced {
			t.Errorf("send: %d", got)
		}
		if got := must(t, x.expire(room, w.id)); got >= 0 {
			t.Errorf("expire: %d", got)
		}
	})
}
