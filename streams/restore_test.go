package streams_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/streams"
)

// own is the request that attaches m's session again; older is the token before the current one.
func (m *member) own(last streams.EntryID, older string) streams.Attach {
	return streams.Attach{
		Room: m.room, Session: m.session, Role: m.role, Dialect: m.dialect, Keep: m.keep, NewClient: m.id,
		TokenHash: m.token, ResumeHash: older, After: last,
	}
}

func (m *member) restore(tb failer, last streams.EntryID, older string) *member {
	tb.Helper()
	n := *m
	n.got = must(tb, m.in.restore(m.own(last, older)))
	if n.got.Client != m.id {
		tb.Fatalf("restore: %+v", n.got)
	}
	return &n
}

func TestRestoreGivesAFreshEpochAndKeepsTheMailbox(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		e.send(t, w, 'o', "0", "1")
		e.send(t, w, 'c', "2")
		x.rung(t, room)
		n := w.restore(t, w.seq(0), "")
		if n.got.Verdict != streams.Resumed || n.got.Epoch <= w.got.Epoch || n.got.Superseded != 0 {
			t.Fatalf("restore: %+v", n.got)
		}
		sameNames(t, names(n.got.Entries), "1", "2") // a live client gets everything, offers too
		if got := kinds(x.rung(t, room), room); got != "r" {
			t.Errorf("doorbells %q", got)
		}
		e.send(t, w, 'c', "3")
		if b := x.bell(t, streams.BellData, w.id); b.ID != n.seq(0) {
			t.Errorf("the first entry of the new epoch is %v, want %v", b.ID, n.seq(0))
		}
		sameNames(t, names(n.all(t, w.seq(1))), "2", "3")
		w = n.resume(t, x, w.seq(1)) // a cursor of the epoch before is as good
		sameNames(t, names(w.got.Entries), "2", "3")
	})
}

// Two instances, all of whose Redis is lost: rooms are rebuilt from what the instances hold, tokens included.
func TestRestoreAfterAllIsLost(t *testing.T) {
	t.Parallel()
	p := &place{url: redistest.NewServer(t).URL()}
	x, y, room := p.open(t, shortLease), p.open(t, shortLease), newRoom()
	e, w := x.join(t, room, extension, rejoin), y.join(t, room, wallet, rejoin)
	older := w.token
	w = w.resume(t, y, streams.EntryID{})
	e.send(t, w, 'c', "0", "1")
	for _, in := range []*instance{x, y} {
		in.rung(t, room) // all that was rung for until now
	}
	rx, ry := x.reconciles(), y.reconciles()
	if err := p.client(t).FlushAll(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
	x.wait(t, "reconcile", func() bool { return x.reconciled > rx }) // the leases went, too
	y.wait(t, "reconcile", func() bool { return y.reconciled > ry })
	if s := must(t, y.sync(w.ref(), w.seq(1))); s.Holding != streams.HoldingGone {
		t.Fatalf("sync: %+v", s)
	}

	e2 := e.restore(t, streams.EntryID{}, "")
	w2 := w.restore(t, w.seq(1), older)
	if e2.got.Verdict != streams.Fresh || w2.got.Verdict != streams.Fresh || len(w2.got.Peers) != 1 || w2.got.Epoch <= w.got.Epoch {
		t.Fatalf("restore: %+v, %+v", e2.got, w2.got)
	}
	if got := kinds(x.rung(t, room), room); got != "j" {
		t.Errorf("doorbells %q", got)
	}
	e2.send(t, w2, 'c', "2")
	sameNames(t, names(w2.all(t, w.seq(1))), "2")
	back := w2.back(w.seq(1)) // its client was told that position before
	back.ResumeHash = older
	got, w3 := x.try(t, back)
	if got.Verdict != streams.Resumed {
		t.Fatalf("resume by the older token: %+v", got)
	}
	sameNames(t, names(w3.got.Entries), "2")
}

// The clock of the promoted server may be behind: an epoch is behind all that was seen nonetheless.
func TestRestoredEpochIsLaterThanWhatWasSeen(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		seen := streams.EntryID{Epoch: w.got.Epoch + 1<<40, Seq: 7}
		if n := w.restore(t, seen, ""); n.got.Epoch <= seen.Epoch {
			t.Errorf("restored: epoch %d, seen %d", n.got.Epoch, seen.Epoch)
		}
		if err := p.node(t, room).Del(context.Background(), p.keys(t, room)...).Err(); err != nil {
			t.Fatal(err)
		}
		seen.Epoch += 1 << 20
		n := w.restore(t, seen, "")
		if n.got.Verdict != streams.Fresh || n.got.Epoch <= seen.Epoch {
			t.Errorf("rebuilt: %+v, seen %d", n.got, seen.Epoch)
		}
		e.restore(t, streams.EntryID{}, "")
		e.send(t, w, 'c', "0")
		sameNames(t, names(n.all(t, seen)), "0")
	})
}

func TestRestoreOfASuspendedSessionMakesItLive(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), y.join(t, room, wallet, rejoin)
		must(t, x.detach(w.ref(), streams.EntryID{}))
		w.restore(t, streams.EntryID{}, "")
		e.send(t, w, 'c', "0")
		y.bell(t, streams.BellData, w.id)
	})
}

func TestScriptFlushIsNotNoticed(t *testing.T) {
	t.Parallel()
	p := &place{url: redistest.NewServer(t).URL()}
	x, room := p.open(t), newRoom()
	e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
	for _, name := range []string{"0", "1", "2"} {
		if err := p.client(t).ScriptFlush(context.Background()).Err(); err != nil {
			t.Fatal(err)
		}
		e.send(t, w, 'c', name)
	}
	if err := p.client(t).ScriptFlush(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
	sameNames(t, names(w.all(t, streams.EntryID{})), "0", "1", "2")
}

// A promoted replica may lack the last entries, and must not give their numbers to others: clients would take these for what they
// have. What it has of a room says which primary wrote last.
func TestAnotherPrimaryNumbersNoEntryAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room, ctx := p.open(t), newRoom(), context.Background()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		node, hash := p.node(t, room), "{"+room+"}:m"
		last := func(m *member) streams.EntryID {
			list, err := node.XRevRangeN(ctx, "{"+room+"}:s:"+m.id, "+", "-", 1).Result()
			if err != nil || len(list) != 1 {
				t.Fatalf("last entry: %v, %v", list, err)
			}
			var id streams.EntryID
			if _, err := fmt.Sscanf(list[0].ID, "%d-%d", &id.Epoch, &id.Seq); err != nil {
				t.Fatal(err)
			}
			return id
		}
		e.send(t, w, 'c', "0", "1")
		before := last(w)
		if err := node.HSet(ctx, hash, "g", "the one before").Err(); err != nil {
			t.Fatal(err)
		}
		e.send(t, w, 'c', "2")
		after := last(w)
		if after.Epoch <= before.Epoch {
			t.Errorf("the first entry on another primary is %v, behind %v", after, before)
		}
		e.send(t, w, 'c', "3")
		if next := last(w); next.Epoch != after.Epoch || next.Seq != after.Seq+1 {
			t.Errorf("the second entry is %v, behind %v", next, after)
		}
		w.send(t, e, 'c', "4") // the others have a new epoch, too
		if id := last(e); id.Epoch <= e.got.Epoch {
			t.Errorf("the first entry of the other one is %v, and it had %d", id, e.got.Epoch)
		}
	})
}
