package streams_test

import (
	"context"
	"hash/fnv"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/streams"
)

// instance is one simulated process. Its methods turn the callbacks into return values.
type instance struct {
	*streams.Backbone
	*recorder
	p      *place
	name   string
	closed bool
}

// open starts an instance that is subscribed and has its lease when this returns.
func (p *place) open(tb failer, settings ...func(*streams.Options)) *instance {
	tb.Helper()
	in := p.start(tb, settings...)
	in.wait(tb, "ready", func() bool { return in.Ready() == nil && in.reconciled > 0 && in.renewals > 0 })
	if p.cluster {
		in.listens(tb)
	}
	return in
}

// listens waits until each primary of a cluster rings on its own channel. What is rung before comes by another connection, in no order with that.
func (in *instance) listens(tb failer) {
	tb.Helper()
	until(tb, "each primary's channel is listened to", func() bool {
		var deaf atomic.Bool
		err := in.p.client(tb).(*redis.ClusterClient).ForEachMaster(context.Background(), func(ctx context.Context, c *redis.Client) error {
			id, err := c.Do(ctx, "CLUSTER", "MYID").Text()
			if err != nil {
				return err
			}
			channel := "rejoin:i:" + in.name + "@" + id
			n, err := c.PubSubNumSub(ctx, channel).Result()
			if n[channel] == 0 {
				deaf.Store(true)
			}
			return err
		})
		return err == nil && !deaf.Load()
	})
}

// start is open, and does not wait.
func (p *place) start(tb failer, settings ...func(*streams.Options)) *instance {
	tb.Helper()
	opt := streams.Options{URL: p.url, Logger: slog.New(slog.DiscardHandler)}
	for _, set := range settings {
		set(&opt)
	}
	b, err := streams.Open(opt)
	if err != nil {
		tb.Fatal(err)
	}
	if p.url == "" {
		p.url = streams.EmbeddedURL(b)
	}
	in := &instance{Backbone: b, recorder: &recorder{changed: make(chan struct{})}, p: p, name: b.Instance()}
	b.Start(in.recorder)
	tb.Cleanup(func() { in.close(tb) })
	return in
}

// close ends the instance without detaching anything, as a crash does.
func (in *instance) close(tb failer) {
	tb.Helper()
	if in.closed {
		return
	}
	in.closed = true
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := in.Close(ctx); err != nil {
		tb.Errorf("close: %v", err)
	}
}

// crash is die, and leaves the lease behind.
func (in *instance) crash(tb failer) {
	tb.Helper()
	in.die(tb)
	lease := redis.Z{Member: in.name, Score: float64(time.Now().Add(time.Hour).UnixMilli())}
	if err := in.p.client(tb).ZAdd(context.Background(), "rejoin:instances", lease).Err(); err != nil {
		tb.Fatal(err)
	}
}

// die is close, and returns when Redis has noticed that its subscription is gone.
func (in *instance) die(tb failer) {
	tb.Helper()
	in.close(tb)
	channel := "rejoin:i:" + in.name
	until(tb, "the subscription is gone", func() bool {
		n, err := in.p.client(tb).PubSubNumSub(context.Background(), channel).Result()
		if err != nil {
			tb.Fatal(err)
		}
		return n[channel] == 0
	})
}

// answer is what a callback was given.
type answer[T any] struct {
	value T
	err   error
}

// begin makes a call and returns where its answer will be.
func begin[T any](call func(done func(T, error))) <-chan answer[T] {
	c := make(chan answer[T], 1)
	call(func(v T, err error) { c <- answer[T]{v, err} })
	return c
}

// end waits for an answer.
func end[T any](tb failer, c <-chan answer[T]) (T, error) {
	tb.Helper()
	select {
	case a := <-c:
		return a.value, a.err
	case <-time.After(patience):
		tb.Fatal("no answer")
		panic("unreachable")
	}
}

// must is end for calls that have to succeed.
func must[T any](tb failer, c <-chan answer[T]) T {
	tb.Helper()
	v, err := end(tb, c)
	if err != nil {
		tb.Fatalf("call: %v", err)
	}
	return v
}

func (in *instance) attach(a streams.Attach) <-chan answer[streams.Attached] {
	return begin(func(done func(streams.Attached, error)) { in.Attach(a, done) })
}

func (in *instance) restore(a streams.Attach) <-chan answer[streams.Attached] {
	return begin(func(done func(streams.Attached, error)) { in.Restore(a, done) })
}

func (in *instance) send(m streams.Message) <-chan answer[streams.Outcome] {
	return begin(func(done func(streams.Outcome, error)) { in.Send(m, done) })
}

func (in *instance) detach(ref streams.SessionRef, acked streams.EntryID) <-chan answer[streams.Holding] {
	return begin(func(done func(streams.Holding, error)) { in.Detach(ref, streams.Disconnect{Acked: acked}, done) })
}

func (in *instance) ack(ref streams.SessionRef, id streams.EntryID) <-chan answer[streams.Holding] {
	return begin(func(done func(streams.Holding, error)) { in.Ack(ref, streams.Position{UpTo: id}, done) })
}

func (in *instance) leave(ref streams.SessionRef, acked streams.EntryID) <-chan answer[bool] {
	return begin(func(done func(bool, error)) { in.Leave(ref, streams.Disconnect{Acked: acked}, done) })
}

func (in *instance) expire(room, client string) <-chan answer[time.Duration] {
	return begin(func(done func(time.Duration, error)) { in.Expire(room, client, done) })
}

func (in *instance) sync(ref streams.SessionRef, after streams.EntryID) <-chan answer[streams.Synced] {
	return begin(func(done func(streams.Synced, error)) { in.Sync(ref, streams.Reading{After: after}, done) })
}

// settled blocks until the instance has received every doorbell that the room's steps have rung so far:
// doorbells from one server arrive in order, so the one that is rung now is the last.
func (in *instance) settled(tb failer, room string) {
	tb.Helper()
	nonce, client := randomHex(8), newClient()
	node, channel := in.p.node(tb, room), "rejoin:i:"+in.name
	if id, err := node.(interface {
		Do(context.Context, ...any) *redis.Cmd
	}).Do(context.Background(), "CLUSTER", "MYID").Text(); err == nil {
		channel += "@" + id // on a cluster what a primary rings for comes by a connection of its own
	}
	err := node.Publish(context.Background(), channel, "q"+nonce+client).Err()
	if err != nil {
		tb.Fatal(err)
	}
	in.bell(tb, streams.BellAlive, client)
}

// rung returns the doorbells about a room that arrived since the last call.
func (in *instance) rung(tb failer, room string) (bells []streams.Bell) {
	tb.Helper()
	in.settled(tb, room)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.bells = slices.DeleteFunc(in.bells, func(b streams.Bell) bool {
		if b.Room == room {
			bells = append(bells, b)
		}
		return b.Room == room || b.Kind == streams.BellAlive
	})
	return bells
}

func fingerprint(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write([]byte(p))
	}
	return h.Sum64()
}
