package e2e_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// TestSoakRedisAway: Redis is gone for a minute (three seconds without REJOIN_SOAK), with all its data or hung. The instances live,
// are not ready, keep all sockets open, and serve the same clients when it is back, without a restart. R15.
func TestSoakRedisAway(t *testing.T) {
	t.Parallel()
	away := 3 * time.Second
	if soak() {
		away = time.Minute
	}
	for name, how := range map[string]struct{ leave, comeBack func(*redistest.Standalone) }{
		"stopped": {(*redistest.Standalone).Stop, (*redistest.Standalone).Start},
		"hung":    {(*redistest.Standalone).Pause, (*redistest.Standalone).Resume},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := limit(t)
			redis := redistest.NewServer(t)
			settings := []string{"REDIS_URL=" + redis.URL(), "INSTANCE_LEASE=2s", "REDIS_TIMEOUT=1s"}
			x, y := proctest.Start(t, settings...), proctest.Start(t, settings...)
			room := newRoom()
			extension := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension})
			wallet := dial(ctx, t, client.Config{URL: y.URL(), Room: room, Source: client.Wallet})
			id := extension.meet()

			how.leave(redis)
			ready := func(s *proctest.Process) int { status, _ := s.Get("/ready"); return status }
			for _, s := range []*proctest.Process{x, y} {
				waitFor(ctx, t, "readiness to go", func() bool { return ready(s) == http.StatusServiceUnavailable })
			}
			sent, err := extension.Post(ctx, client.Message{Target: id, Method: "offer", EncryptedPayload: "while away"})
			if err != nil {
				t.Fatal(err)
			}
			for until := time.Now().Add(away); time.Now().Before(until); {
				for _, s := range []*proctest.Process{x, y} {
					if status, _ := s.Get("/health"); status != http.StatusOK || s.Metric("rejoin_edge_connections") != 1 {
						t.Fatalf("liveness %d, %v sockets", status, s.Metric("rejoin_edge_connections"))
					}
				}
			}
			how.comeBack(redis)
			began := time.Now()
			<-sent.Done()
			// Where the data is gone, the extension may be back in the room before the wallet, and then finds it empty.
			for err := sent.Err(); err != nil; err = extension.Send(ctx, client.Message{Target: id, Method: "offer", EncryptedPayload: "while away"}) {
				if name != "stopped" || !errors.Is(err, client.ErrMissingRemoteClient) {
					t.Fatalf("not confirmed: %v", err)
				}
				t.Log("told that the wallet is missing")
			}
			got := wait[client.Data](wallet, func(ev client.Event) {
				if lost, ok := ev.(client.Disconnected); ok {
					t.Errorf("disconnected: %v", lost.Err)
				}
			})
			if got.Payload != "while away" {
				t.Errorf("got %q", got.Payload)
			}
			t.Logf("served %.1f s after Redis was back", time.Since(began).Seconds())
			for _, s := range []*proctest.Process{x, y} {
				waitFor(ctx, t, "readiness to come back", func() bool { return ready(s) == http.StatusOK })
			}
		})
	}
}

// TestSoakDrainDeadlines: a process that is told to end does so within DRAIN_TIMEOUT, also when clients do not go: one that ignores
// what it is asked, and one that does not read. 5 s, and with REJOIN_SOAK 10 and 120 s. R16.
func TestSoakDrainDeadlines(t *testing.T) {
	t.Parallel()
	deadlines := []string{"5s"}
	if soak() {
		deadlines = append(deadlines, "10s", "120s")
	}
	for _, deadline := range deadlines {
		t.Run(deadline, func(t *testing.T) {
			t.Parallel()
			ctx := limit(t)
			redis := "REDIS_URL=" + redistest.Server(t)
			x, y := proctest.Start(t, redis, "DRAIN_TIMEOUT="+deadline), proctest.Start(t, redis)
			room := newRoom()
			extension := dial(ctx, t, client.Config{URL: y.URL(), Room: room, Source: client.Extension})
			// Stubborn: the bytes of a client that never answers anything.
			stubborn := dialRaw(ctx, t, x.Addr(), upgradeHead(room))
			id := extension.meet()
			wallet := dial(ctx, t, client.Config{URLs: []string{x.URL(), y.URL()}, Room: newRoom(), Source: client.Wallet})
			wait[client.Session](wallet)
			x.Terminate()
			extension.send(id, "offer", "for the stubborn one")
			if err := x.Wait(ctx); err != nil {
				t.Errorf("ended with %v", err)
			}
			stubborn.Close()
			if s := wait[client.Session](wallet); !s.Resumed {
				t.Errorf("not resumed: %s", s.Reason)
			}
			// It is waited for, as any plain wallet that lost its instance.
			back := dial(ctx, t, client.Config{URL: y.URL(), Room: room, Source: client.Wallet, Plain: true})
			if got := wait[client.Data](back).Payload; got != "for the stubborn one" {
				t.Errorf("got %q", got)
			}
			limit, err := time.ParseDuration(deadline)
			if took := drainTook(t, x.Log()); err != nil || took > limit {
				t.Errorf("drained in %v of %v", took, limit)
			}
		})
	}
}

// drainTook is what a process says that its drain took, in its log.
func drainTook(t *testing.T, log string) time.Duration {
	t.Helper()
	for line := range strings.Lines(log) {
		var said struct {
			Msg  string
			Took time.Duration
		}
		if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "drained" {
			return said.Took
		}
	}
	t.Fatal("it does not say that it drained")
	return 0
}
