package chaos_test

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
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
	began time.Duration // when the fault began
	since time.Duration // from when on full service is awaited
	// service is the longest time to full service so far.
	service time.Duration
	// loses, tails, kills and aways: see fault.
	loses               bool
	tails, kills, aways []span
	aside               *aside // what the rooms on the other primaries saw; nil without such
}

// span is a time on the history's clock.
type span struct{ from, to time.Duration }

func within(spans []span, at time.Duration) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.from <= at && at <= s.to })
}

// handsOver reports whether what was delivered at that moment may not have been confirmed yet when a primary was killed.
func (s span) handsOver(at time.Duration) bool { return s.from-time.Second <= at && at <= s.to }

// outcome is what a run came to.
type outcome struct {
	history.Verdict
	service time.Duration
	// elsewhere is what the rooms on primaries that were well came to; nil without such. Its service is their longest time without a message.
	elsewhere *outcome
}

// newRun puts a stack under load.
func newRun(t testing.TB, kind store, rooms int, seed uint64, settings ...string) *run {
	t.Helper()
	s := newStack(t, kind, settings...)
	return &run{t: t, stack: s, load: newLoad(t, s, rooms, seed)}
}

// strike breaks and mends, and returns at full service. It reports whether that came: if not, the load is broken for what might follow.
func (r *run) strike(f fault) (served bool) {
	r.t.Helper()
	r.since, r.loses = -1, r.loses || f.loses
	r.struck()
	f.do(r)
	if r.since < 0 {
		r.mended()
	}
	took, served := r.load.service(r.since)
	if f.tail > 0 {
		r.tails = append(r.tails, span{r.began - f.tail, r.since})
	}
	if f.kills {
		r.kills = append(r.kills, span{r.began, r.since})
	}
	if f.away {
		r.aways = append(r.aways, span{r.began, r.since + took})
	}
	whole := r.since - r.began + took
	r.t.Logf("%s: full service %v after it began, %v after it was mended", f.name, whole.Round(time.Millisecond), took.Round(time.Millisecond))
	r.service = max(r.service, whole)
	time.Sleep(steady)
	return served
}

// struck says that the fault begins here: what was done before only led up to it.
func (r *run) struck() { r.began = r.load.log.Now() }

// mended says that from here on the service has to recover.
func (r *run) mended() { r.since = r.load.log.Now() }

// judge ends the load and reports every law that was broken.
func (r *run) judge() outcome {
	r.t.Helper()
	v, mark := r.load.finish(r.excused)
	if p := r.stack.pair; p != nil {
		r.t.Logf("%d promotions", p.Promotions())
	}
	r.report(&v)
	r.judgeCouples()
	r.t.Logf("%d sent, %d confirmed, %d delivered; %d lost, %d told, %d twice, %d again, %d out of order",
		v.Sent, v.Confirmed, v.Delivered, v.Lost, v.Told, v.Duplicated, v.Again, v.OutOfOrder)
	o := outcome{Verdict: v, service: r.service}
	if r.aside != nil {
		o.elsewhere = r.aside.judge(r, mark)
	}
	return o
}

// judgeCouples reports what PeerJS clients may not see.
func (r *run) judgeCouples() {
	r.t.Helper()
	lost := func(at time.Duration) bool { return r.loses || within(r.tails, at) }
	repeated := func(at time.Duration) bool {
		return slices.ContainsFunc(r.kills, func(s span) bool { return s.handsOver(at) })
	}
	var sum tally
	for _, c := range r.load.couples {
		ctx, cancel := context.WithTimeout(r.load.ctx, patience)
		if err := c.settle(ctx); err != nil {
			r.t.Error(err)
		}
		cancel()
		for _, x := range c {
			x.judge(r.t, &sum, lost, repeated)
		}
	}
	r.t.Logf("PeerJS: %+v", sum)
}

// report reports the violations that no fault of this run allows for, and leaves only these.
func (r *run) report(v *history.Verdict) {
	r.t.Helper()
	_, events := r.load.log.History()
	v.Violations = slices.DeleteFunc(v.Violations, func(x history.Violation) bool {
		switch {
		case r.leftUnread(x, events):
			v.Lost--
			v.Told++
		case !r.excused(x, events):
			return false
		}
		r.t.Logf("%v (the fault allows for that)", x)
		return true
	})
	for i, x := range v.Violations {
		if i == 10 {
			r.t.Errorf("… and %d more", len(v.Violations)-i)
			return
		}
		r.t.Error(x)
	}
}

// excused reports whether the faults of this run allow for a violation. What was delivered, but not confirmed yet, when a primary was killed is sent again,
// and the next primary does not know it.
func (r *run) excused(x history.Violation, events []history.Event) bool {
	if x.First > 0 {
		return slices.ContainsFunc(r.kills, func(s span) bool { return s.handsOver(x.First) && s.from <= x.At })
	}
	return x.Lost && (r.loses || within(r.tails, x.At) || r.leftUnread(x, events))
}

// leftUnread reports whether what is said to be lost waited for a receiver that could not read it until its sender had left.
func (r *run) leftUnread(x history.Violation, events []history.Event) bool {
	if !x.Lost || len(r.aways) == 0 {
		return false
	}
	sent, ended, ok := history.LeftUnread(events, x.Message)
	return ok && slices.ContainsFunc(r.aways, func(s span) bool { return s.from <= ended && sent <= s.to })
}

// TestChaos is the short form: six faults that are drawn by the day, one behind the other, under one load.
func TestChaos(t *testing.T) {
	t.Parallel()
	today, err := strconv.ParseUint(time.Now().UTC().Format("20060102"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	seed := seed(t, today)
	drawn := draw(seed, 6)
	for i, f := range drawn {
		t.Logf("%d: %s", i+1, f.name)
	}
	r := newRun(t, onDisk, 4, seed, drawnSettings...)
	for _, f := range drawn {
		if !r.strike(f) {
			break
		}
	}
	r.judge()
}

// drawnSettings are those of the instances under faults that are drawn.
var drawnSettings = []string{"DRAIN_TIMEOUT=4s"}

// draw returns n different faults of those that one stack can stand, the same for the same seed.
func draw(seed uint64, n int) []fault {
	pool := []fault{{name: "subscriptions killed, scripts flushed, network cut", do: atOnce(killSubscribers, flushScripts, cutDoors)}}
	for _, f := range faults() {
		if f.store == onDisk && !f.slow {
			pool = append(pool, f)
		}
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	rng.Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
	return pool[:n]
}

// seed returns REJOIN_CHAOS_SEED, or what is given where that is not set, and prints it.
func seed(t *testing.T, otherwise uint64) uint64 {
	t.Helper()
	n := otherwise
	if text := os.Getenv("REJOIN_CHAOS_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("REJOIN_CHAOS_SEED: %v", err)
		}
	}
	t.Logf("REJOIN_CHAOS_SEED=%d", n)
	return n
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
