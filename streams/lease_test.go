package streams_test

import (
	"context"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/streams"
)

func shortLease(o *streams.Options) { o.Lease = 300 * time.Millisecond }

func (in *instance) sees(tb failer, other string, want bool) {
	tb.Helper()
	in.wait(tb, "the other's lease", func() bool { return in.live[other] == want })
}

func TestInstancesSeeEachOtherUntilOneIsGone(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y := p.open(t, shortLease), p.open(t, shortLease)
		x.sees(t, x.name, true)
		x.sees(t, y.name, true)
		y.sees(t, x.name, true)
		y.close(t) // gives its lease up
		x.sees(t, y.name, false)

		// One that vanished cannot give it up.
		ghost := "ghost" + randomHex(4)
		ctx, cl := context.Background(), p.client(t)
		now, err := cl.Time(ctx).Result()
		if err != nil {
			t.Fatal(err)
		}
		err = cl.Do(ctx, "ZADD", "rejoin:instances", now.Add(2*time.Second).UnixMilli(), ghost).Err()
		if err != nil {
			t.Fatal(err)
		}
		x.sees(t, ghost, true)
		x.sees(t, ghost, false)
	})
}

// Others have detached our clients when our lease was gone: all must be compared.
func TestLostLeaseIsReconciled(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x := p.open(t, shortLease)
		before := x.reconciles()
		if err := p.client(t).ZRem(context.Background(), "rejoin:instances", x.name).Err(); err != nil {
			t.Fatal(err)
		}
		x.wait(t, "reconcile", func() bool { return x.reconciled > before })
		x.sees(t, x.name, true)
	})
}

func TestLostSubscriptionIsRenewedAndReconciled(t *testing.T) {
	t.Parallel()
	p := &place{url: redistest.NewServer(t).URL()}
	x, y, room := p.open(t), p.open(t), newRoom()
	e, w := x.join(t, room, extension, plain), y.join(t, room, wallet, rejoin)
	for _, in := range []*instance{x, y} {
		in.take()
	}
	before := y.reconciles()
	if err := p.client(t).Do(context.Background(), "CLIENT", "KILL", "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	e.send(t, w, 'c', "0") // perhaps no instance hears it
	y.wait(t, "reconcile", func() bool { return y.reconciled > before && y.Ready() == nil })
	sameNames(t, names(w.all(t, streams.EntryID{})), "0")
	e.send(t, w, 'c', "1")
	y.wait(t, "the doorbell", func() bool {
		for _, b := range y.bells {
			if b.Kind == streams.BellData && b.ID == w.seq(1) {
				return true
			}
		}
		return false
	})
}

// R13: a dead instance is noticed at the next send or join, before its lease runs out.
func TestDeadInstanceIsNoticedByTheNextDoorbell(t *testing.T) {
	for name, notice := range map[string]func(t *testing.T, e, w *member){
		"send": func(t *testing.T, e, w *member) { e.send(t, w, 'c', "0") },
		"join": func(t *testing.T, e, w *member) {
			for _, peer := range e.in.join(t, e.room, extension, rejoin).got.Peers {
				if peer.Suspended != (peer.Client == w.id) {
					t.Errorf("a newcomer is told of %+v", peer)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			onServers(t, func(t *testing.T, p *place) {
				x, y, room := p.open(t), p.open(t), newRoom()
				e, w, pl := x.join(t, room, extension, rejoin), y.join(t, room, wallet, rejoin), y.join(t, room, extension, plain)
				other := x.join(t, room, wallet, rejoin)
				y.die(t)
				x.rung(t, room)
				notice(t, e, w)
				x.bell(t, streams.BellSuspended, w.id)
				// It has no grace window, but its instance may be subscribing again: it is ended when that is over.
				if got := x.bell(t, streams.BellSuspended, pl.id); got.Left > x.Grace()/2 {
					t.Errorf("%+v", got)
				}
				p.elapse(t, room, pl.id)
				must(t, x.expire(room, pl.id))
				x.bell(t, streams.BellLeft, pl.id)
				w.resume(t, x, streams.EntryID{})
				other.all(t, streams.EntryID{})
			})
		})
	}
}

// An instance whose own subscription is being renewed is not dead: it is the one that asks.
func TestInstanceDoesNotBelieveItselfDead(t *testing.T) {
	t.Parallel()
	p := &place{url: redistest.NewServer(t).URL()}
	x, room := p.open(t), newRoom()
	e, w, pl := x.join(t, room, extension, plain), x.join(t, room, wallet, rejoin), x.join(t, room, wallet, plain)
	before := x.reconciles()
	ctx := context.Background()
	if err := p.client(t).Do(ctx, "CLIENT", "KILL", "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	e.send(t, w, 'c', "0")
	again := x.join(t, room, extension, plain)
	for _, peer := range again.got.Peers {
		if peer.Suspended {
			t.Errorf("suspended: %+v", peer)
		}
	}
	got := must(t, x.attach(request(room, wallet, plain, true)))
	if got.Verdict != streams.Contested {
		t.Errorf("a plain join beside a live one: %+v", got)
	}
	w.send(t, e, 'c', "1")
	pl.send(t, e, 'c', "2")
	x.wait(t, "reconcile", func() bool { return x.reconciled > before })
}

func TestReadySaysWhyNot(t *testing.T) {
	t.Parallel()
	b, err := streams.Open(streams.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if b.Ready() == nil || !b.Embedded() || b.Instance() == "" || b.Grace() != time.Minute {
		t.Errorf("before Start: ready %v, embedded %t, instance %q, grace %v", b.Ready(), b.Embedded(), b.Instance(), b.Grace())
	}
	if err := b.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := streams.Open(streams.Options{URL: "http://localhost"}); err == nil {
		t.Error("a bad URL was taken")
	}
}
