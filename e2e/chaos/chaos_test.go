package chaos_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
)

// run is one or more faults under one load.
type run struct {
	t     testing.TB
	stack *stack
	load  *load
	since time.Duration // from when on full service is awaited
	// service is the longest time to full service so far.
	service time.Duration
	// loses: see fault.
	loses bool
}

// outcome is what a run came to.
type outcome struct {
	history.Verdict
	service time.Duration
}

// newRun puts a stack under load.
func newRun(t testing.TB, kind store, rooms int, seed uint64, settings ...string) *run {
	t.Helper()
	s := newStack(t, kind, settings...)
	return &run{t: t, stack: s, load: newLoad(t, s, rooms, seed)}
}

// strike breaks and mends, and returns at full service.
func (r *run) strike(f fault) {
	r.t.Helper()
	r.since, r.loses = -1, r.loses || f.loses
	f.do(r)
	if r.since < 0 {
		r.mended()
	}
	took := r.load.service(r.since)
	r.t.Logf("%s: full service after %v", f.name, took.Round(time.Millisecond))
	r.service = max(r.service, took)
	time.Sleep(steady)
}

// mended says that from here on the service has to recover.
func (r *run) mended() { r.since = r.load.log.Now() }

// judge ends the load and reports every law that was broken.
func (r *run) judge() outcome {
	r.t.Helper()
	v := r.load.finish(r.loses)
	for i, x := range v.Violations {
		if r.loses && len(v.Violations) == v.Lost {
			break
		}
		if i == 10 {
			r.t.Errorf("… and %d more", len(v.Violations)-i)
			break
		}
		r.t.Error(x)
	}
	r.t.Logf("%d sent, %d confirmed, %d delivered; %d lost, %d told, %d twice, %d again, %d out of order",
		v.Sent, v.Confirmed, v.Delivered, v.Lost, v.Told, v.Duplicated, v.Again, v.OutOfOrder)
	return outcome{v, r.service}
}

// TestChaos is the short form: the faults that tell most, one behind the other, under one load. The order is that of the list.
func TestChaos(t *testing.T) {
	t.Parallel()
	r := newRun(t, onDisk, 4, 1, "DRAIN_TIMEOUT=4s")
	for _, f := range []fault{
		{name: "instance killed", do: killInstance},
		{name: "subscriptions killed, scripts flushed, network cut", do: atOnce(killSubscribers, flushScripts, cutDoors)},
		{name: "Redis restarted with its data", do: restartRedis},
		{name: "instance drained", do: terminate(5 * time.Second)},
		{name: "Redis hung", do: hangRedis},
		{name: "clients resume twice at once", do: resumeTwice},
	} {
		r.strike(f)
	}
	r.judge()
}

// atOnce lets several faults happen one inside the other.
func atOnce(faults ...func(*run)) func(*run) {
	return func(r *run) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for _, f := range faults[1:] {
				f(r)
			}
		}()
		faults[0](r)
		<-done
	}
}

// TestFaults puts each fault alone under load, and some in a random order under one; then it writes docs/reliability.md.
// REJOIN_CHAOS is the number of runs of each.
func TestFaults(t *testing.T) {
	if !long() {
		t.Skip("the long form: task chaos")
	}
	runs, err := strconv.Atoi(os.Getenv("REJOIN_CHAOS"))
	if err != nil || runs < 1 {
		t.Fatal("REJOIN_CHAOS: want how many times each fault is to be tried")
	}
	seed := seed(t)
	list := append(faults(), random(t, seed))
	rows := make([]*row, 0, len(list))
	for _, f := range list {
		row := &row{fault: f}
		for n := range runs {
			t.Run(f.name, func(t *testing.T) {
				r := newRun(t, f.store, 8, seed+uint64(n), f.settings...) //nolint:gosec // small
				r.strike(f)
				row.add(r.judge())
			})
		}
		rows = append(rows, row)
	}
	writeReliability(t, rows)
}

// random is ten faults drawn from those that one stack can stand, one behind the other.
func random(t *testing.T, seed uint64) fault {
	var pool []fault
	for _, f := range faults() {
		if f.store == onDisk && f.name != "Redis stopped for 60 s" && f.name != "instance SIGTERM, 30 s to live" {
			pool = append(pool, f)
		}
	}
	rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a draw that can be repeated
	t.Logf("REJOIN_CHAOS_SEED=%d", seed)
	return fault{
		name: "ten of those with one Redis, at random", store: onDisk, settings: []string{"DRAIN_TIMEOUT=4s"},
		do: func(r *run) {
			for range 10 {
				r.strike(pool[rng.IntN(len(pool))])
			}
			r.mended()
		},
	}
}

func seed(t *testing.T) uint64 {
	text := os.Getenv("REJOIN_CHAOS_SEED")
	if text == "" {
		return rand.Uint64N(1 << 32)
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("REJOIN_CHAOS_SEED: %v", err)
	}
	return n
}
