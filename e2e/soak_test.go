package e2e_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// TestSoakLeavesNothing has pairs join, talk, drop, come back, vanish and leave, in both dialects, for ten minutes (a few
// rounds without REJOIN_SOAK). Afterwards Redis holds no key but the instances' leases, the processes have as many goroutines and
// descriptors as in the beginning and no more memory, and when they have ended Redis holds nothing. R18.
func TestSoakLeavesNothing(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	redis := redistest.NewServer(t)
	// Long enough for a client that comes back on a busy machine, short enough to wait for the end of those that do not.
	settings := []string{"REDIS_URL=" + redis.URL(), "GRACE_WINDOW=8s"}
	servers := []*proctest.Process{proctest.Start(t, settings...), proctest.Start(t, settings...)}
	urls := []string{servers[0].URL(), servers[1].URL()}

	rounds(ctx, t, urls, func(done int) bool { return done == 4 }) // whatever is made once has been made
	empty := func() bool { return redis.Do("DBSIZE") == "1" && redis.Do("ZCARD rejoin:instances") == "2" }
	waitFor(ctx, t, "Redis to hold leases only", empty)
	before := [2]usage{usageOf(ctx, t, servers[0]), usageOf(ctx, t, servers[1])}

	ends := time.Now().Add(10 * time.Minute)
	rounds(ctx, t, urls, func(done int) bool { return !soak() && done == 6 || soak() && time.Now().After(ends) })

	waitFor(ctx, t, "Redis to hold leases only", empty)
	for i, s := range servers {
		was := before[i]
		t.Logf("server %d: before %+v, after %+v", i, was, usageOf(ctx, t, s))
		waitFor(ctx, t, "goroutines and descriptors to end", func() bool {
			return s.Metric("go_goroutines") <= was.goroutines+onDemand && s.Metric("process_open_fds") <= was.descriptors+onDemand
		})
		if soak() {
			const spare = 8 << 20 // of garbage that is not given back yet, and of pages of the binary
			waitFor(ctx, t, "memory to be given back", func() bool { return s.Metric("process_resident_memory_bytes") <= was.memory+spare })
		}
	}
	for _, s := range servers {
		s.Terminate()
		if err := s.Wait(ctx); err != nil {
			t.Errorf("ended with %v", err)
		}
	}
	if keys := redis.Do("DBSIZE"); keys != "0" {
		t.Errorf("%s keys are left", keys)
	}
}

// onDemand is how many connections, and goroutines for them, a process may open when it first needs them and keep: three to Redis at
// most, and the one that is asked for its metrics. What leaks leaks by the hundred here.
const onDemand = 3

// usage is what must not grow.
type usage struct{ goroutines, descriptors, memory float64 }

// usageOf waits until no client is held.
func usageOf(ctx context.Context, t *testing.T, s *proctest.Process) usage {
	t.Helper()
	waitFor(ctx, t, "clients to be gone", func() bool { return s.Metric("rejoin_sessions") == 0 && s.Metric("rejoin_edge_connections") == 0 })
	return usage{s.Metric("go_goroutines"), s.Metric("process_open_fds"), s.Metric("process_resident_memory_bytes")}
}

// rounds has pairs live their lives, several at once, until enough.
func rounds(ctx context.Context, t *testing.T, urls []string, enough func(done int) bool) {
	t.Helper()
	for done := 0; !enough(done) && !t.Failed(); done++ {
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() { life(ctx, t, urls, i) })
		}
		wg.Wait()
	}
}

// life is what becomes of one pair; i chooses the dialect and how it ends.
func life(ctx context.Context, t *testing.T, urls []string, i int) {
	room, plain := newRoom(), i%2 == 1
	e := dial(ctx, t, client.Config{URLs: urls, Room: room, Source: client.Extension, Plain: plain})
	w := dial(ctx, t, client.Config{URLs: []string{urls[1], urls[0]}, Room: room, Source: client.Wallet, Plain: plain, Reconnect: true})
	to := e.meet()
	w.meet()
	for n := range 1 + rand.IntN(5) {
		e.send(to, "iceCandidate", strconv.Itoa(n))
	}
	if i%3 > 0 {
		w.Drop() // it comes back by itself
		e.send(to, "iceCandidate", "while away")
		for wait[client.Data](w).Payload != "while away" {
		}
	}
	if i%4 < 2 {
		_ = w.Close(ctx)
		_ = e.Close(ctx)
		return
	}
	w.Abort() // its window has to end
	e.Abort()
}
