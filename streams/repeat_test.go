package streams_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/rejoin-dev/rejoin/streams"
)

// The pipeline makes a call again when it does not know what became of it. Here the same call is made twice, which
// is the same to the scripts: the second one must find its work done, and must not undo what came in between.

func TestRepeatedJoinIsOneSession(t *testing.T) {
	for name, role := range map[string]string{"extension": extension, "wallet": wallet} { // the wallet might take itself over
		for _, dialect := range []byte{plain, rejoin} {
			t.Run(name+string(dialect), func(t *testing.T) {
				everywhere(t, func(t *testing.T, p *place) {
					x, y, room := p.open(t), p.open(t), newRoom()
					peer := y.join(t, room, opposite(role), rejoin)
					a := request(room, role, dialect, true)
					first, m := x.try(t, a)
					peer.send(t, m, 'o', "0") // in between: confirmed, so it has to stay
					second, _ := x.try(t, a)
					if second.Verdict != streams.Fresh || second.Client != first.Client || second.Epoch != first.Epoch || len(second.Peers) != 1 {
						t.Fatalf("the second time: %+v", second)
					}
					sameNames(t, names(second.Entries), "0")
					sameNames(t, names(m.all(t, streams.EntryID{})), "0")
					if got := kinds(y.rung(t, room), room); got != "j" {
						t.Errorf("doorbells %q", got)
					}
				})
			})
		}
	}
}

func TestRepeatedResumeIsOneResume(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), y.join(t, room, wallet, rejoin)
		e.send(t, w, 'c', "0", "1")
		gone := x.join(t, room, extension, rejoin)
		w.send(t, gone, 'c', "never read")
		w.drop(t)
		must(t, x.leave(gone.ref(), streams.EntryID{}))
		x.rung(t, room)

		a := w.back(w.seq(0))
		first, m := y.try(t, a)
		second, _ := y.try(t, a)
		if !reflect.DeepEqual(withoutNonce(first), withoutNonce(second)) || first.Verdict != streams.Resumed || len(first.Undelivered) != 1 {
			t.Errorf("first  %+v\nsecond %+v", first, second)
		}
		if got := kinds(x.rung(t, room), room); got != "r" {
			t.Errorf("doorbells %q", got)
		}
		m.resume(t, x, streams.EntryID{})
		late, _ := y.try(t, a) // a repetition that comes after the next resume is the client's slow attempt
		if late.Verdict != streams.Fresh || late.Refusal != streams.RefusedMismatch {
			t.Errorf("late: %+v", late)
		}
	})
}

func withoutNonce(a streams.Attached) streams.Attached {
	a.Nonce = ""
	return a
}

func TestRepeatedTakeoverIsOneTakeover(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, plain), x.join(t, room, wallet, plain)
		w.drop(t)
		e.send(t, w, 'c', "0")
		a := request(room, wallet, plain, true)
		for range 2 {
			got, _ := x.try(t, a)
			if got.Verdict != streams.Resumed || got.Client != w.id || got.Replay != 1 {
				t.Fatalf("attach: %+v", got)
			}
		}
	})
}

func TestRepeatedRefusalIsOneFreshSession(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e := x.join(t, room, extension, rejoin)
		w := x.join(t, room, wallet, rejoin)
		a := w.back(w.seq(5))
		first, _ := x.try(t, a)
		second, _ := x.try(t, a)
		if first.Refusal != streams.RefusedLost || second.Verdict != streams.Fresh || second.Client != first.Client || second.Epoch != first.Epoch {
			t.Errorf("first  %+v\nsecond %+v", first, second)
		}
		if s := must(t, x.sync(e.ref(), streams.EntryID{})); len(s.Peers) != 1 {
			t.Errorf("peers: %+v", s.Peers)
		}
	})
}

func TestRepeatedStepsChangeNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		e.send(t, w, 'c', "0", "1")
		for range 2 {
			if hold := must(t, x.ack(w.ref(), w.seq(0))); hold != streams.HoldingOurs {
				t.Errorf("ack: %d", hold)
			}
		}
		for range 2 {
			n := w.restore(t, w.seq(0), "")
			sameNames(t, names(n.got.Entries), "1")
		}
		var got []string
		for range 2 {
			got = append(got, fmt.Sprint(must(t, x.detach(w.ref(), streams.EntryID{}))))
		}
		for range 2 {
			got = append(got, fmt.Sprint(must(t, x.leave(w.ref(), streams.EntryID{}))))
		}
		sameNames(t, got, fmt.Sprint(streams.HoldingOurs), fmt.Sprint(streams.HoldingFenced), "true", "false")
		x.settled(t, room)
		if got := kinds(x.take(), room); got != "jddrrsl" {
			t.Errorf("doorbells %q", got)
		}
	})
}
