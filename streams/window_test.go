package streams_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/streams"
)

// R6: when the window ends, exactly one caller ends the session, and each instance hears of it once.
func TestExpireHasOneWinnerAmongMany(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, z, room := p.open(t), p.open(t), p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), y.join(t, room, wallet, rejoin)
		e.send(t, w, 'o', "0", "1")
		w.drop(t)
		for _, in := range []*instance{x, y, z} {
			if left := must(t, in.expire(room, w.id)); left <= 0 || left > in.Grace() {
				t.Fatalf("%v left of %v", left, in.Grace())
			}
		}
		p.elapse(t, room, w.id)
		x.rung(t, room)
		var calls []<-chan answer[time.Duration]
		for range 20 {
			for _, in := range []*instance{x, y, z} {
				calls = append(calls, in.expire(room, w.id))
			}
		}
		won := 0
		for _, c := range calls {
			if left := must(t, c); left == 0 {
				won++
			} else if left > 0 {
				t.Errorf("%v left", left)
			}
		}
		if won != 1 {
			t.Errorf("%d winners", won)
		}
		bells := x.rung(t, room)
		if kinds(bells, room) != "l" || !bells[0].WindowOver {
			t.Fatalf("doorbells %q: %+v", kinds(bells, room), bells)
		}
		want := []streams.Undelivered{{Client: e.id, RequestID: `"0"`}, {Client: e.id, RequestID: `"1"`}}
		if got := bells[0].Undelivered; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("undelivered %v, want %v", got, want)
		}
		if got, _ := x.try(t, w.back(streams.EntryID{})); got.Refusal != streams.RefusedUnknown {
			t.Errorf("resume after the window: %+v", got)
		}
	})
}

func TestResumeAndExpireNeverBothWin(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		x.join(t, room, extension, rejoin)
		for range 20 {
			w := y.join(t, room, wallet, rejoin)
			w.drop(t)
			p.elapse(t, room, w.id)
			ended, back := y.expire(room, w.id), x.attach(w.back(streams.EntryID{}))
			must(t, ended)
			if got := must(t, back); got.Verdict != streams.Fresh || got.Refusal != streams.RefusedUnknown {
				t.Fatalf("a resume after its window: %+v", got)
			}
			if got := kinds(x.rung(t, room), room); got != "jslj" { // the last is the fresh session
				t.Fatalf("doorbells %q", got)
			}
		}
	})
}

// The end of a window is noticed by the next step in the room, a join included.
func TestAttachEndsWindowsThatAreOver(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		e.send(t, w, 'c', "0")
		w.drop(t)
		p.elapse(t, room, w.id)
		late := x.join(t, room, extension, rejoin)
		if len(late.got.Peers) != 0 {
			t.Errorf("a newcomer was told of %+v", late.got.Peers)
		}
		if b := x.bell(t, streams.BellLeft, w.id); !b.WindowOver || len(b.Undelivered) != 1 {
			t.Errorf("doorbell: %+v", b)
		}
		if left := must(t, x.expire(room, w.id)); left >= 0 {
			t.Errorf("a second end: %v", left)
		}
	})
}

func TestSessionWithoutAWindowEndsWithItsConnection(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		w, e := x.join(t, room, wallet, rejoin), x.join(t, room, extension, plain)
		w.send(t, e, 'c', "0")
		e.drop(t)
		if b := x.bell(t, streams.BellLeft, e.id); b.WindowOver || len(b.Undelivered) != 1 {
			t.Errorf("doorbell: %+v", b)
		}
		w.want(t, streams.Missing, e, 'c', "1")
	})
}

// A sender that is away itself is told when it is back, again and again until it has spoken.
func TestUndeliveredWaitsForASenderThatIsAway(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, pl := x.join(t, room, extension, rejoin), x.join(t, room, extension, plain)
		w, w2 := x.join(t, room, wallet, rejoin), x.join(t, room, wallet, rejoin)
		e.send(t, w, 'o', "a", "b")
		e.send(t, w2, 'o', "c")
		pl.send(t, w, 'o', "p")
		must(t, x.ack(w.ref(), w.seq(0)))
		e.drop(t)
		w.drop(t)
		p.elapse(t, room, w.id)
		must(t, x.expire(room, w.id))
		must(t, x.leave(w2.ref(), streams.EntryID{}))

		want := fmt.Sprint([]streams.Undelivered{{Client: w.id, RequestID: `"b"`}, {Client: w2.id, RequestID: `"c"`}})
		for range 3 { // the session frame may be lost
			e = e.resume(t, x, streams.EntryID{})
			if got := fmt.Sprint(e.got.Undelivered); got != want {
				t.Fatalf("undelivered %s, want %s", got, want)
			}
		}
		must(t, x.ack(e.ref(), streams.EntryID{}))
		if e = e.resume(t, x, streams.EntryID{}); len(e.got.Undelivered) != 0 {
			t.Errorf("told after it had spoken: %v", e.got.Undelivered)
		}
	})
}

// ... also when its instance was rung for the end: the connection may have been stalled, or dead already.
func TestUndeliveredIsToldAgainToASenderThatComesBack(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		e.send(t, w, 'o', "a")
		must(t, x.leave(w.ref(), streams.EntryID{}))
		if b := x.bell(t, streams.BellLeft, w.id); len(b.Undelivered) != 1 {
			t.Fatalf("doorbell: %+v", b)
		}
		e = e.resume(t, x, streams.EntryID{})
		if len(e.got.Undelivered) != 1 || e.got.Undelivered[0] != (streams.Undelivered{Client: w.id, RequestID: `"a"`}) {
			t.Errorf("undelivered: %v", e.got.Undelivered)
		}
		must(t, x.ack(e.ref(), streams.EntryID{}))
		if e = e.resume(t, x, streams.EntryID{}); len(e.got.Undelivered) != 0 {
			t.Errorf("told after it had spoken: %v", e.got.Undelivered)
		}
	})
}

// R6: ... also when the instance that held the sender is dead and this has not been noticed yet.
// A sender says something on its next connection before it has read of a later end there, and that connection is lost: it is told of that end again, and of no
// earlier one.
func TestUndeliveredIsToldAgainToASenderThatSpokeBeforeItHeard(t *testing.T) {
	speaks := map[string]func(t *testing.T, e, other *member){
		"ack":  func(t *testing.T, e, _ *member) { must(t, e.in.ack(e.ref(), streams.EntryID{})) },
		"send": func(t *testing.T, e, other *member) { e.send(t, other, 'c', "c"+randomHex(4)) },
	}
	for name, speak := range speaks {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, p *place) {
				x, y, room := p.open(t), p.open(t), newRoom()
				e, w1, w2, w3 := x.join(t, room, extension, rejoin), y.join(t, room, wallet, rejoin), y.join(t, room, wallet, rejoin), y.join(t, room, wallet, rejoin)
				e.send(t, w1, 'c', "a")
				e.send(t, w2, 'c', "b")
				must(t, y.leave(w1.ref(), streams.EntryID{}))
				wants := func(w *member, name string) {
					t.Helper()
					e.drop(t)
					if e = e.resume(t, x, streams.EntryID{}); len(e.got.Undelivered) != 1 ||
						e.got.Undelivered[0] != (streams.Undelivered{Client: w.id, RequestID: `"` + name + `"`}) {
						t.Fatalf("undelivered: %v", e.got.Undelivered)
					}
				}
				wants(w1, "a")
				wants(w1, "a") // it has not spoken
				must(t, y.leave(w2.ref(), streams.EntryID{}))
				speak(t, e, w3)
				wants(w2, "b")
				speak(t, e, w3)
				e.drop(t)
				if e = e.resume(t, x, streams.EntryID{}); len(e.got.Undelivered) != 0 {
					t.Errorf("told after it had spoken: %v", e.got.Undelivered)
				}
			})
		})
	}
}

func TestUndeliveredWaitsForASenderWhoseInstanceDied(t *testing.T) {
	onServers(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, w := y.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		e.send(t, w, 'o', "a")
		y.die(t)
		must(t, x.leave(w.ref(), streams.EntryID{}))
		e = e.resume(t, x, streams.EntryID{})
		if len(e.got.Undelivered) != 1 || e.got.Undelivered[0] != (streams.Undelivered{Client: w.id, RequestID: `"a"`}) {
			t.Errorf("undelivered: %v", e.got.Undelivered)
		}
	})
}

// A list that is too long for what is kept is cut between entries, not dropped.
func TestUndeliveredForASenderThatIsAwayIsBounded(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		const n, long = 12, 4 << 10
		for i := range n {
			m := e.message(w.id, 'c', fmt.Sprint(i))
			m.RequestID = append(m.RequestID, make([]byte, long)...)
			if got := must(t, x.send(m)); got != streams.Stored {
				t.Fatalf("send %d: %d", i, got)
			}
		}
		e.drop(t)
		must(t, x.leave(w.ref(), streams.EntryID{}))
		e = e.resume(t, x, streams.EntryID{})
		if got := len(e.got.Undelivered); got != (32<<10)/(long+36+7+4) || !e.got.UndeliveredCut {
			t.Errorf("%d of %d kept", got, n)
		}
	})
}
