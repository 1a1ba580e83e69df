package streams_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/streams"
)

// counter adds up a metric over its labels.
func counter(tb failer, reg *prometheus.Registry, name string) (sum float64) {
	tb.Helper()
	families, err := reg.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// until looks again and again: for what nothing tells of.
func until(tb failer, what string, ok func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			tb.Fatalf("waited too long: %s", what)
		}
	}
}

// R15: Redis stands still for so long that calls are made again. It then serves both the first ones and their
// repetitions: each message is stored once, in order.
func TestPausedRedisLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t)
	p, reg := &place{url: server.URL()}, prometheus.NewRegistry()
	x := p.open(t, func(o *streams.Options) { o.Registerer, o.CallTimeout = reg, patience })
	room := newRoom()
	e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
	back := w.back(streams.EntryID{})

	server.Pause()
	var want []string
	var sends []<-chan answer[streams.Outcome]
	for i := range 3 * streams.RingSize {
		want = append(want, fmt.Sprint(i))
		sends = append(sends, x.send(e.message(w.id, 'c', want[i])))
	}
	resumed := x.attach(back)
	until(t, "a call is repeated", func() bool { return counter(t, reg, "rejoin_redis_repeats_total") > 0 })
	server.Resume()
	for i, c := range sends {
		if got := must(t, c); got != streams.Stored && got != streams.StoredBefore {
			t.Fatalf("send %d: %d", i, got)
		}
	}
	got := must(t, resumed)
	if got.Verdict != streams.Resumed || got.Replay != len(want) {
		t.Fatalf("resume: verdict %d, refusal %d, replay %d", got.Verdict, got.Refusal, got.Replay)
	}
	sameNames(t, p.mailbox(t, room, w.id), want...)
}

// R15: Redis is away for longer than callers wait: they are told so, and try again.
func TestUnreachableRedisIsSaid(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t)
	p := &place{url: server.URL()}
	x := p.open(t, func(o *streams.Options) { o.CallTimeout = 200 * time.Millisecond; o.Lease = time.Second })
	room := newRoom()
	e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
	send := func(name string) error {
		_, err := end(t, x.send(e.message(w.id, 'c', name)))
		return err
	}
	server.Pause()
	if err := send("0"); !errors.Is(err, streams.ErrUnavailable) {
		t.Errorf("paused: %v", err)
	}
	until(t, "not ready", func() bool { return x.Ready() != nil })
	server.Resume()
	until(t, "ready", func() bool { return x.Ready() == nil })
	until(t, "sent again", func() bool { return send("0") == nil })
	sameNames(t, p.mailbox(t, room, w.id), "0")

	server.Kill()
	if err := send("1"); !errors.Is(err, streams.ErrUnavailable) {
		t.Errorf("killed: %v", err)
	}
	until(t, "not ready", func() bool { return x.Ready() != nil })
	server.Start()
	x.wait(t, "all is lost: regenerate", func() bool { return x.regenerated > 0 })
	until(t, "ready", func() bool { return x.Ready() == nil })
	e2, w2 := e.restore(t, streams.EntryID{}, ""), w.restore(t, w.seq(0), "")
	e2.send(t, w2, 'c', "1")
	x.rung(t, room)
	sameNames(t, names(w2.all(t, w.seq(0))), "1")
}

// A look at the primaries that is asked for does not wait for its turn, and tells of a new one before it is answered.
func TestPrimariesAreLookedAtWhenAsked(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t)
	p := &place{url: server.URL()}
	x := p.open(t, func(o *streams.Options) { o.Lease = time.Hour }) // its own looks are 18 minutes apart
	look := func() {
		t.Helper()
		done := make(chan struct{})
		x.CheckPrimaries(func() { close(done) })
		<-done
	}
	seen := func() (n int) {
		x.change(func() { n = x.regenerated })
		return n
	}
	look()
	if n := seen(); n != 0 {
		t.Fatalf("%d new primaries", n)
	}
	server.Kill()
	server.Start()
	until(t, "ready", func() bool { return x.Ready() == nil })
	look()
	if n := seen(); n != 1 {
		t.Errorf("%d new primaries", n)
	}
}

func TestPrimariesOfTheEmbeddedRedisAreNeverNew(t *testing.T) {
	t.Parallel()
	x := (&place{}).open(t)
	done := make(chan struct{})
	x.CheckPrimaries(func() { close(done) })
	<-done
	x.change(func() {
		if x.regenerated != 0 {
			t.Errorf("%d new primaries", x.regenerated)
		}
	})
}

func TestClosedBackboneAnswersWhatWaits(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t)
	p := &place{url: server.URL()}
	x, room := p.open(t), newRoom()
	e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
	server.Kill()
	var sends []<-chan answer[streams.Outcome]
	for i := range 100 {
		sends = append(sends, x.send(e.message(w.id, 'c', fmt.Sprint(i))))
	}
	_ = x.Close(context.Background())
	x.closed = true
	for i, c := range sends {
		if _, err := end(t, c); !errors.Is(err, streams.ErrClosed) && !errors.Is(err, streams.ErrUnavailable) {
			t.Fatalf("send %d: %v", i, err)
		}
	}
}

// A Redis without memory stores nothing more, but everything that frees memory, or leads to it, still works.
func TestFullRedisIsBusyAndCanBeEmptied(t *testing.T) {
	t.Parallel()
	p := &place{url: redistest.NewServer(t, "--maxmemory-policy", "noeviction").URL()}
	x, y, room := p.open(t), p.open(t), newRoom()
	e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
	away, leaver, plainOne := x.join(t, room, wallet, rejoin), x.join(t, room, wallet, rejoin), x.join(t, room, wallet, plain)
	w = w.resume(t, x, streams.EntryID{}) // its first acknowledgement retires a token, too
	for _, to := range []*member{w, away, leaver} {
		e.send(t, to, 'o', "0"+strings.Repeat("x", 1000), "1"+strings.Repeat("x", 1000))
	}
	limit := func(bytes string) {
		t.Helper()
		if err := p.client(t).ConfigSet(context.Background(), "maxmemory", bytes).Err(); err != nil {
			t.Fatal(err)
		}
	}
	limit("1000000")
	if _, err := end(t, x.send(e.message(w.id, 'c', "2"))); !errors.Is(err, streams.ErrBusy) {
		t.Errorf("send: %v", err)
	}
	if _, err := end(t, x.attach(request(room, wallet, rejoin, true))); !errors.Is(err, streams.ErrBusy) {
		t.Errorf("join: %v", err)
	}
	if hold, err := end(t, x.ack(w.ref(), w.seq(0))); err != nil || hold != streams.HoldingOurs {
		t.Errorf("ack: %d, %v", hold, err)
	}
	if hold, err := end(t, x.detach(away.ref(), away.seq(0))); err != nil || hold != streams.HoldingOurs {
		t.Errorf("detach: %d, %v", hold, err)
	}
	if hold, err := end(t, x.detach(plainOne.ref(), streams.EntryID{})); err != nil || hold != streams.HoldingOurs {
		t.Errorf("detach without an acknowledgement: %d, %v", hold, err)
	}
	if must(t, x.sync(plainOne.ref(), streams.EntryID{})).Holding != streams.HoldingOurs {
		t.Error("sync does not take a session back")
	}
	back := away.resume(t, y, streams.EntryID{})
	if back.got.Replay != 1 {
		t.Errorf("resume: %+v", back.got)
	}
	e.drop(t)
	if ended, err := end(t, x.leave(leaver.ref(), streams.EntryID{})); err != nil || !ended {
		t.Errorf("leave: %t, %v", ended, err)
	}
	e = e.resume(t, x, streams.EntryID{})
	if len(e.got.Undelivered) != 2 {
		t.Errorf("undelivered: %v", e.got.Undelivered)
	}
	x.wait(t, "the lease is renewed", func() bool { return x.Ready() == nil })
	limit("0")
	e.send(t, w, 'c', "2")
	if got := len(p.mailbox(t, room, w.id)); got != 2 {
		t.Errorf("%d in the mailbox", got)
	}
}

// R18: connections to Redis are a constant, whatever an instance holds and does.
func TestConnectionsPerInstanceAreAConstant(t *testing.T) {
	t.Parallel()
	p := &place{url: redistest.NewServer(t).URL()}
	x := p.open(t)
	var joins []<-chan answer[streams.Attached]
	for range 2000 {
		joins = append(joins, x.attach(request(newRoom(), wallet, rejoin, true)))
	}
	most := 0
	count := func() {
		list, err := p.client(t).ClientList(context.Background()).Result()
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, strings.Count(list, "\n")-1) // one is ours
	}
	for _, c := range joins {
		must(t, c)
		if len(c) == 0 && most == 0 {
			count()
		}
	}
	count()
	if most > 8 {
		t.Errorf("%d connections", most)
	}
	t.Logf("%d connections", most)
}
