package streams_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/streams"
)

func (in *instance) remove(tb failer, room, client string) int {
	tb.Helper()
	type reply struct {
		n   int
		err error
	}
	done := make(chan reply, 1)
	in.Remove(room, client, func(n int, err error) { done <- reply{n, err} })
	r := <-done
	if r.err != nil {
		tb.Fatal(r.err)
	}
	return r.n
}

func (in *instance) notify(tb failer, n streams.Notice) streams.Noticed {
	tb.Helper()
	type reply struct {
		became streams.Noticed
		err    error
	}
	done := make(chan reply, 1)
	in.Notify(n, func(became streams.Noticed, err error) { done <- reply{became, err} })
	r := <-done
	if r.err != nil {
		tb.Fatal(r.err)
	}
	return r.became
}

func notice(room, client, role, data string) streams.Notice {
	return streams.Notice{
		Fingerprint: rand.Uint64(), Room: room, Client: client, Role: role, Kind: 'm', RequestID: []byte(`"1"`), Data: []byte(data),
	}
}

// TestRemoveEndsASession wherever it is held: its connection hears so, its peers hear it once, and its token is dead.
func TestRemoveEndsASession(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), y.join(t, room, wallet, rejoin)
		e.send(t, w, 'o', "an offer")
		if n := x.remove(t, room, newClient()); n != 0 {
			t.Errorf("a client that is not there: %d", n)
		}
		if n := x.remove(t, room, w.id); n != 1 {
			t.Errorf("removed %d", n)
		}
		if b := y.bell(t, streams.BellRemoved, w.id); b.Session != w.session {
			t.Errorf("rung for %s, want %s", b.Session, w.session)
		}
		if b := x.bell(t, streams.BellLeft, w.id); len(b.Undelivered) != 1 {
			t.Errorf("its peer hears %+v", b)
		}
		if n := x.remove(t, room, w.id); n != 1 {
			t.Errorf("the same call once more: %d", n)
		}
		if got, _ := y.try(t, w.back(streams.EntryID{})); got.Verdict != streams.Fresh || got.Refusal != streams.RefusedUnknown {
			t.Errorf("its token: %+v", got)
		}
		x.wait(t, "it ended as removed", func() bool {
			for _, one := range x.ended {
				if one.Client == w.id {
					return one.Reason == streams.ReasonRemoved
				}
			}
			return false
		})
	})
}

func TestRemoveEndsARoom(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, w, s := x.join(t, room, extension, rejoin), y.join(t, room, wallet, plain), y.join(t, room, wallet, rejoin)
		s.drop(t)
		if n := y.remove(t, room, ""); n != 3 {
			t.Errorf("removed %d", n)
		}
		x.bell(t, streams.BellRemoved, e.id)
		y.bell(t, streams.BellRemoved, w.id)
		fields, err := p.node(t, room).HKeys(t.Context(), "{"+room+"}:m").Result()
		if keys := p.keys(t, room); err != nil || len(keys) != 1 || len(fields) != 1 {
			t.Errorf("left behind: %v with %v, %v, want whom the operator removed", keys, fields, err)
		}
		if left := p.node(t, room).PTTL(t.Context(), "{"+room+"}:m").Val(); left <= 0 || left > time.Hour {
			t.Errorf("for %v", left)
		}
		if n := y.remove(t, room, ""); n != 0 {
			t.Errorf("an empty room: %d", n)
		}
	})
}

// TestWhatWasRemovedIsNotRestored: an instance that has missed the doorbells, and finds nothing of its sessions, must not take them for lost by
// Redis. That holds for every client of a large room, and when others have left since and the room is empty.
func TestWhatWasRemovedIsNotRestored(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		const many = 40 // more than are noted of sessions that ended otherwise
		x, y, room := p.open(t), p.open(t), newRoom()
		var removed []*member
		for range many {
			removed = append(removed, x.join(t, room, wallet, rejoin))
		}
		if n := y.remove(t, room, ""); n != many {
			t.Fatalf("removed %d", n)
		}
		stays := y.join(t, room, extension, rejoin)
		must(t, y.leave(stays.ref(), streams.EntryID{}))
		for i, m := range removed {
			if s := must(t, x.sync(m.ref(), streams.EntryID{})); s.Holding != streams.HoldingEnded {
				t.Errorf("client %d: %+v, want that its session has ended", i, s)
			}
			if got := must(t, x.restore(m.own(streams.EntryID{}, ""))); got.Verdict != streams.RestoreEnded {
				t.Errorf("client %d was brought back: %+v", i, got)
			}
		}
		if keys := p.keys(t, room); len(keys) != 1 {
			t.Errorf("left behind: %v", keys)
		}
		again := x.join(t, room, wallet, rejoin) // all may come anew
		again.drop(t)
		if back := again.resume(t, y, streams.EntryID{}); back.got.Verdict != streams.Resumed {
			t.Errorf("after that: %+v", back.got)
		}
	})
}

// TestNotifyStores: it is stored in the mailboxes of the clients that are addressed and understand it, and they are rung.
func TestNotifyStores(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room, empty := p.open(t), p.open(t), newRoom(), newRoom()
		w1, w2, old := x.join(t, room, wallet, rejoin), y.join(t, room, wallet, rejoin), x.join(t, room, wallet, plain)
		e := x.join(t, room, extension, rejoin)
		w2.drop(t)
		for _, c := range []struct {
			n    streams.Notice
			want streams.Noticed
		}{
			{notice(room, w1.id, "", "to one"), streams.Noticed{Stored: 1}},
			{notice(room, "", "wallet", "to wallets"), streams.Noticed{Stored: 2, Plain: 1}},
			{notice(room, old.id, "", "to a plain one"), streams.Noticed{Plain: 1}},
			{notice(room, newClient(), "", "to no client"), streams.Noticed{}},
			{notice(room, "", "viewer", "to no role"), streams.Noticed{}},
			{notice(empty, "", "wallet", "to no room"), streams.Noticed{}},
		} {
			for range 2 { // as a call that is made again
				if got := y.notify(t, c.n); got != c.want {
					t.Errorf("%s: %+v, want %+v", c.n.Data, got, c.want)
				}
			}
		}
		if keys := p.keys(t, empty); len(keys) > 0 {
			t.Errorf("a room without clients is left with %v", keys)
		}
		b := x.bell(t, streams.BellData, w1.id)
		if b.Body.Data() != "to one" || b.Body.From() != streams.Server {
			t.Errorf("rung with %+v", b)
		}
		for m, want := range map[*member]int{w1: 2, w2: 1, old: 0, e: 0} {
			if got := p.mailbox(t, room, m.id); len(got) != want {
				t.Errorf("mailbox of %s: %q, want %d", m.id, got, want)
			}
		}
		back := w2.resume(t, x, streams.EntryID{})
		if len(back.got.Entries) != 1 || back.got.Entries[0].Body.Data() != "to wallets" {
			t.Errorf("replayed: %+v", back.got.Entries)
		}
	})
}

// TestNotifyForATime: what waits for longer is not delivered any more.
func TestNotifyForATime(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		w := x.join(t, room, wallet, rejoin)
		w.drop(t)
		short, long := notice(room, w.id, "", "short"), notice(room, w.id, "", "long")
		short.TTL, long.TTL = time.Millisecond, time.Hour
		for _, n := range []streams.Notice{short, long} {
			if got := x.notify(t, n); got.Stored != 1 {
				t.Errorf("%s: %+v", n.Data, got)
			}
		}
		for w = w.resume(t, x, streams.EntryID{}); w.got.Replay != 1; w = w.resume(t, x, streams.EntryID{}) {
			if w.got.Replay != 2 { // a millisecond is not over yet
				t.Fatalf("replay %d", w.got.Replay)
			}
		}
		if got := w.got.Entries[0].Body.Data(); got != "long" {
			t.Errorf("%s is left", got)
		}
	})
}

// TestNotifyIsBounded: a mailbox that is full takes nothing from the operator either.
func TestNotifyIsBounded(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t, func(o *streams.Options) { o.MailboxEntries = 2 }), newRoom()
		w := x.join(t, room, wallet, rejoin)
		var last streams.Noticed
		for range 3 {
			last = x.notify(t, notice(room, w.id, "", "more"))
		}
		if want := (streams.Noticed{Full: 1}); last != want {
			t.Errorf("%+v, want %+v", last, want)
		}
	})
}
