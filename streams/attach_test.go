package streams_test

import (
	"testing"

	"github.com/rejoin-dev/rejoin/streams"
)

func TestJoinTellsWhoIsThereOldestFirst(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		first := x.join(t, room, extension, plain)
		second := x.join(t, room, extension, rejoin)
		second.drop(t)
		third := x.join(t, room, extension, rejoin)

		w := x.join(t, room, wallet, rejoin)
		if len(w.got.Peers) != 3 {
			t.Fatalf("peers: %+v", w.got.Peers)
		}
		for i, want := range []*member{first, second, third} {
			got := w.got.Peers[i]
			if got.Client != want.id || got.Session != want.session || got.Instance != x.name || got.Dialect != want.dialect ||
				got.Keep != want.keep || got.Suspended != (want == second) {
				t.Errorf("peer %d: %+v", i, got)
			}
		}
		if left := w.got.Peers[1].Left; left <= 0 || left > x.Grace() {
			t.Errorf("the suspended one has %v left of %v", left, x.Grace())
		}
		if w.got.Replay != 0 || w.got.More || len(w.got.Entries) != 0 || !w.got.Last.IsZero() || w.got.Epoch == 0 {
			t.Errorf("a fresh session: %+v", w.got)
		}
	})
}

// R1, R3: a session that never received anything resumes, 50 times in a row.
func TestResumeWithoutTrafficKeepsTheSession(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		w := x.join(t, room, wallet, rejoin)
		for i := range 50 {
			if i%2 == 0 {
				w.drop(t)
			}
			w = w.resume(t, []*instance{x, y}[i%2], streams.EntryID{})
			if w.got.Replay != 0 || len(w.got.Entries) != 0 {
				t.Fatalf("resume %d: %+v", i, w.got)
			}
		}
	})
}

func TestResumeReplaysWhatWasMissedInOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), y.join(t, room, wallet, rejoin)
		e.send(t, w, 'c', "0", "1", "2")
		w.drop(t)
		e.send(t, w, 'c', "3", "4")

		again := w.resume(t, x, w.seq(1))
		sameNames(t, names(again.got.Entries), "2", "3", "4")
		if again.got.Replay != 3 || again.got.Superseded != 0 || again.got.More || again.got.Last != w.seq(4) || again.got.Epoch != w.got.Epoch {
			t.Errorf("verdict: %+v", again.got)
		}
		sameNames(t, p.mailbox(t, room, w.id), "2", "3", "4") // the cursor is an acknowledgement
	})
}

// R10: the refusal opens a fresh session in the same step. R9: it says why.
func TestResumeThatCannotBeOpensAFreshSession(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		w := x.join(t, room, wallet, rejoin)
		other := x.join(t, room, extension, rejoin)
		pl := x.join(t, room, wallet, plain)
		other.send(t, w, 'c', "0")
		for name, c := range map[string]struct {
			change func(*streams.Attach)
			want   streams.Refusal
		}{
			"no such session":      {func(a *streams.Attach) { a.Resume = newClient() }, streams.RefusedUnknown},
			"another room":         {func(a *streams.Attach) { a.Room = newRoom() }, streams.RefusedUnknown},
			"another role":         {func(a *streams.Attach) { a.Role = extension }, streams.RefusedMismatch},
			"another token":        {func(a *streams.Attach) { a.ResumeHash = "tok" + randomHex(8) }, streams.RefusedMismatch},
			"no token":             {func(a *streams.Attach) { a.ResumeHash = "" }, streams.RefusedMismatch},
			"another's token":      {func(a *streams.Attach) { a.ResumeHash = other.token }, streams.RefusedMismatch},
			"a plain session":      {func(a *streams.Attach) { a.Resume, a.ResumeHash = pl.id, "-" }, streams.RefusedMismatch},
			"a plain one, no hash": {func(a *streams.Attach) { a.Resume, a.ResumeHash = pl.id, "" }, streams.RefusedMismatch},
		} {
			a := w.back(streams.EntryID{})
			c.change(&a)
			got, fresh := x.try(t, a)
			if got.Verdict != streams.Fresh || got.Refusal != c.want || got.Client != a.NewClient || got.Replay != 0 {
				t.Errorf("%s: %+v", name, got)
			}
			if a.Role == wallet && a.Room == room {
				other.send(t, fresh, 'c', "to the fresh one "+name)
			}
		}
		other.send(t, w, 'c', "1") // the session that was not resumed is untouched
		sameNames(t, names(w.all(t, streams.EntryID{})), "0", "1")
	})
}

// R9: a position that never existed is not one of this mailbox: nothing is replayed, and the session ends for all its peers.
func TestResumeBeyondTheMailboxIsLost(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e := y.join(t, room, extension, rejoin)
		for name, after := range map[string]func(w *member) streams.EntryID{
			"sequence":   func(w *member) streams.EntryID { return w.seq(1) },
			"epoch":      func(w *member) streams.EntryID { return streams.EntryID{Epoch: w.got.Epoch + 1} },
			"overflow":   func(w *member) streams.EntryID { return streams.EntryID{Epoch: w.got.Epoch, Seq: 1<<64 - 1} },
			"overflow 2": func(*member) streams.EntryID { return streams.EntryID{Epoch: 1<<64 - 1} },
		} {
			w := x.join(t, room, wallet, rejoin)
			e.send(t, w, 'c', name)
			got, _ := y.try(t, w.back(after(w)))
			if got.Verdict != streams.Fresh || got.Refusal != streams.RefusedLost {
				t.Fatalf("%s: %+v", name, got)
			}
			x.bell(t, streams.BellFenced, w.id) // the connection it had, if any, must not restore it
			if bell := y.bell(t, streams.BellLeft, w.id); len(bell.Undelivered) != 1 || bell.Undelivered[0].RequestID != `"`+name+`"` {
				t.Errorf("%s: %+v", name, bell)
			}
			e.want(t, streams.Missing, w, 'c', "too late "+name)
		}
	})
}

func TestResumeFromAnyEarlierPositionReplaysAllThatIsLeft(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		e.send(t, w, 'c', "0", "1", "2", "3")
		must(t, x.ack(w.ref(), w.seq(1)))
		for _, after := range []streams.EntryID{{}, {Epoch: 1}, w.seq(0), w.seq(1)} { // stale ones, and one of an older epoch
			w = w.resume(t, x, after)
			sameNames(t, names(w.got.Entries), "2", "3")
		}
	})
}

func TestRoomFullRefusesWithoutATrace(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t, func(o *streams.Options) { o.RoomClients = 2 }), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		x.rung(t, room)
		before := p.keys(t, room)

		if got, _ := x.try(t, request(room, wallet, rejoin, true)); got.Verdict != streams.RoomFull {
			t.Fatalf("third: %+v", got)
		}
		bad := w.back(streams.EntryID{})
		bad.ResumeHash = "wrong"
		if got, _ := x.try(t, bad); got.Verdict != streams.RoomFull {
			t.Errorf("third, by a resume that cannot be: %+v", got)
		}
		sameNames(t, p.keys(t, room), before...)
		if bells := kinds(x.rung(t, room), room); bells != "" {
			t.Errorf("doorbells %q", bells)
		}
		w.resume(t, x, streams.EntryID{}) // who is in is in
		must(t, x.leave(e.ref(), streams.EntryID{}))
		x.join(t, room, wallet, rejoin)
	})
}

func sameNames(tb failer, got []string, want ...string) {
	tb.Helper()
	if len(got) != len(want) {
		tb.Fatalf("got %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			tb.Fatalf("got %q, want %q", got, want)
		}
	}
}
