package chaos_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// TestFaults puts each fault alone under load, and some in a random order under one; then it writes docs/reliability.md.
// REJOIN_CHAOS is the number of runs of each, REJOIN_CHAOS_PARALLEL that of runs at a time: they spend most of their time waiting.
func TestFaults(t *testing.T) {
	if !long() {
		t.Skip("the long form: task chaos")
	}
	runs, err := strconv.Atoi(os.Getenv("REJOIN_CHAOS"))
	if err != nil || runs < 1 {
		t.Fatal("REJOIN_CHAOS: want how many times each fault is to be tried")
	}
	width := 6
	if text := os.Getenv("REJOIN_CHAOS_PARALLEL"); text != "" {
		if width, err = strconv.Atoi(text); err != nil || width < 1 {
			t.Fatal("REJOIN_CHAOS_PARALLEL: want how many runs there may be at a time")
		}
	}
	c := newCampaign(t, runs, seed(t, rand.Uint64N(1<<32)))
	var workers sync.WaitGroup
	for range min(width, runs*len(c.faults)) {
		workers.Go(func() {
			for c.next() {
			}
		})
	}
	workers.Wait()
}

// campaign is all runs of all faults, a round of each fault once after the other. Whenever a round is complete the report is written:
// a campaign that is stopped has reported as many runs of each.
type campaign struct {
	t      *testing.T
	faults []fault
	runs   int
	seed   uint64
	began  time.Time

	mu sync.Mutex
	// guarded by mu
	begun    int
	done     int
	open     []int        // by round: runs that are not done
	outcomes [][]*outcome // by fault and round; nil: not done, not asked for, or it could not go on
	reported int          // rounds
}

func newCampaign(t *testing.T, runs int, seed uint64) *campaign {
	c := &campaign{t: t, faults: append(faults(), manyFaults), runs: runs, seed: seed, began: time.Now()}
	for range runs {
		c.open = append(c.open, len(c.faults))
	}
	for range c.faults {
		c.outcomes = append(c.outcomes, make([]*outcome, runs))
	}
	return c
}

// manyFaults is a row of its own: what it does is drawn.
var manyFaults = fault{name: "ten of those with one Redis, at random", store: onDisk, settings: drawnSettings}

// next does the next run and reports whether there was one.
func (c *campaign) next() bool {
	c.mu.Lock()
	i := c.begun
	if i == c.runs*len(c.faults) {
		c.mu.Unlock()
		return false
	}
	c.begun++
	c.mu.Unlock()
	round, which := i/len(c.faults), i%len(c.faults)
	var o *outcome
	c.t.Run(c.faults[which].name, func(t *testing.T) { o = try(t, c.faults[which], c.seed+uint64(round)) })
	c.finished(round, which, o)
	return true
}

// try puts a fault under load.
func try(t *testing.T, f fault, seed uint64) *outcome {
	t.Logf("REJOIN_CHAOS_SEED=%d", seed)
	r := newRun(t, f.store, 8, seed, f.settings...)
	list := []fault{f}
	if f.do == nil {
		list = draw(seed, 10)
	}
	for _, f := range list {
		if !r.strike(f) {
			break
		}
	}
	o := r.judge()
	return &o
}

// finished takes in a run, and reports when its round is complete.
func (c *campaign) finished(round, which int, o *outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	c.open[round]--
	c.outcomes[which][round] = o
	c.t.Logf("%d of %d runs, %v", c.done, c.runs*len(c.faults), time.Since(c.began).Round(time.Second))
	if c.open[c.reported] > 0 {
		return
	}
	for c.reported < c.runs && c.open[c.reported] == 0 {
		c.reported++
	}
	c.report()
}

func (c *campaign) report() {
	complete := make([][]outcome, len(c.faults))
	for i, list := range c.outcomes {
		for _, o := range list[:c.reported] {
			if o != nil {
				complete[i] = append(complete[i], *o)
			}
		}
	}
	writeReliability(c.t, c.faults, complete)
	c.t.Logf("%d of %d rounds are complete, and written to %s", c.reported, c.runs, reliabilityFile)
}
