package streams_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/streams"
)

// R11: gone only when acknowledged; wrong acknowledgements do no harm.
func TestAckFreesUpToItsEntryAndNeverGoesBackOrBeyond(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		ack := func(id streams.EntryID) {
			t.Helper()
			if hold := must(t, x.ack(w.ref(), id)); hold != streams.HoldingOurs {
				t.Fatalf("ack %v: %d", id, hold)
			}
		}
		ack(w.seq(7)) // nothing is there yet
		e.send(t, w, 'c', "0", "1", "2", "3")
		ack(streams.EntryID{})
		ack(streams.EntryID{Epoch: 1, Seq: 99})
		sameNames(t, p.mailbox(t, room, w.id), "0", "1", "2", "3")
		ack(w.seq(1))
		ack(w.seq(0)) // late
		ack(w.seq(1)) // again
		sameNames(t, p.mailbox(t, room, w.id), "2", "3")

		ack(w.seq(99)) // beyond: all that is there, nothing of what comes
		sameNames(t, p.mailbox(t, room, w.id))
		for _, id := range []streams.EntryID{w.seq(1<<64 - 1), {Epoch: 1<<64 - 1, Seq: 1<<64 - 1}, {Epoch: 1 << 60}} {
			ack(id)
		}
		e.send(t, w, 'c', "4", "5")
		sameNames(t, names(w.all(t, w.seq(3))), "4", "5")
		w = w.resume(t, x, w.seq(3))
		sameNames(t, names(w.got.Entries), "4", "5")
		ack(w.seq(4))
		sameNames(t, p.mailbox(t, room, w.id), "5")
		for i, id := range []streams.EntryID{w.seq(1<<64 - 1), {Epoch: 1<<64 - 1, Seq: 1<<64 - 1}} { // and no number is too large
			ack(id)
			sameNames(t, p.mailbox(t, room, w.id))
			e.send(t, w, 'c', fmt.Sprint(6+i))
		}
	})
}

func TestDetachAndLeaveTakeTheLastAcknowledgementAlong(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		e.send(t, w, 'c', "0", "1", "2")
		must(t, x.detach(w.ref(), w.seq(0)))
		sameNames(t, p.mailbox(t, room, w.id), "1", "2")
		w = w.resume(t, x, streams.EntryID{})
		must(t, x.leave(w.ref(), w.seq(1)))
		left := x.bell(t, streams.BellLeft, w.id)
		if len(left.Undelivered) != 1 || left.Undelivered[0] != (streams.Undelivered{Client: e.id, RequestID: `"2"`}) {
			t.Errorf("undelivered: %+v", left.Undelivered)
		}
	})
}

// R8: replay comes in pages bounded by count and by bytes, and does not stop before the end.
func TestReplayIsPaged(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		pages := func(o *streams.Options) { o.PageEntries, o.PageBytes = 5, 1000 }
		x, room := p.open(t, pages), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		var sent []string
		for i := range 12 {
			sent = append(sent, fmt.Sprint(i))
		}
		sent = append(sent, "a"+strings.Repeat("x", 2000), "b"+strings.Repeat("x", 400), "c"+strings.Repeat("x", 400), "d"+strings.Repeat("x", 400), "e")
		e.send(t, w, 'c', sent...)
		check := func(what string, entries []streams.Entry, more bool) {
			t.Helper()
			size := 0
			for _, e := range entries {
				size += len(e.Body)
			}
			if len(entries) > 5 || len(entries) > 1 && size > 1000 || more && len(entries) == 0 {
				t.Fatalf("%s: %d entries of %d bytes, more %t", what, len(entries), size, more)
			}
		}

		w = w.resume(t, x, streams.EntryID{})
		if w.got.Replay != len(sent) || !w.got.More || len(w.got.Entries) != 5 {
			t.Fatalf("verdict: replay %d, more %t, %d entries", w.got.Replay, w.got.More, len(w.got.Entries))
		}
		got, more := w.got.Entries, w.got.More
		for more {
			s := must(t, x.sync(w.ref(), got[len(got)-1].ID))
			check("sync", s.Entries, s.More)
			got, more = append(got, s.Entries...), s.More
		}
		sameNames(t, names(got), sent...)

		w = w.resume(t, x, w.seq(11)) // the first of this page is larger than a page
		check("resume", w.got.Entries, w.got.More)
		if len(w.got.Entries) != 1 || !w.got.More {
			t.Errorf("%d entries, more %t", len(w.got.Entries), w.got.More)
		}
	})
}

// The bytes of what is superseded, or of senders that left, do not count against the mailbox for ever.
func TestDroppedEntriesMakeRoom(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t, func(o *streams.Options) { o.MailboxBytes = 2000 }), newRoom()
		w := x.join(t, room, wallet, rejoin)
		fill := func(name string) *member {
			e := x.join(t, room, extension, rejoin)
			e.send(t, w, 'o', name+strings.Repeat("x", 850), name+strings.Repeat("y", 850))
			e.want(t, streams.MailboxFull, w, 'o', name+strings.Repeat("z", 850))
			return e
		}
		e := fill("first")
		w = w.resume(t, x, streams.EntryID{})
		if w.got.Superseded != 1 {
			t.Fatalf("superseded %d", w.got.Superseded)
		}
		e.send(t, w, 'o', "first again"+strings.Repeat("x", 850))
		must(t, x.leave(e.ref(), streams.EntryID{}))
		w = w.resume(t, x, streams.EntryID{})
		if w.got.Superseded != 2 || w.got.Replay != 0 {
			t.Fatalf("superseded %d, replay %d", w.got.Superseded, w.got.Replay)
		}
		fill("second")
	})
}

// An acknowledgement that may wait is made together with the next call, and before it when that is of the same room.
func TestAnAcknowledgementTravelsWithTheNextCall(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), y.join(t, room, wallet, rejoin)
		e.send(t, w, 'c', "0", "1")
		made := begin(func(done func(streams.Holding, error)) {
			y.Ack(w.ref(), streams.Position{UpTo: w.seq(0), Patience: time.Hour}, done)
		})
		sameNames(t, p.mailbox(t, room, w.id), "0", "1")
		s := must(t, y.sync(w.ref(), streams.EntryID{}))
		sameNames(t, names(s.Entries), "1")
		if holding := must(t, made); holding != streams.HoldingOurs {
			t.Errorf("the acknowledgement was answered with %d", holding)
		}
	})
}

func TestSyncTellsWhatThereIs(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		e.send(t, w, 'c', "0", "1")
		e.drop(t)
		s := must(t, x.sync(w.ref(), w.seq(0)))
		sameNames(t, names(s.Entries), "1")
		if s.Holding != streams.HoldingOurs || s.More || s.Last != w.seq(1) || len(s.Peers) != 1 || s.Peers[0].Client != e.id || !s.Peers[0].Suspended {
			t.Errorf("sync: %+v", s)
		}
		if suspended := x.bell(t, streams.BellSuspended, e.id); s.Version != suspended.Version {
			t.Errorf("version %d, that of the last doorbell is %d", s.Version, suspended.Version)
		}
	})
}
