package simulation_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/plan/simulation"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wait is the mean wait before service of work that comes at random moments, so many a second.
func wait(servers int, perSecond float64, work func(*rand.Rand) float64) float64 {
	const seconds = 2000
	var c simulation.Clock
	random := rand.New(rand.NewPCG(1, 2))
	s := simulation.NewStation(&c, servers, 1)
	times := simulation.NewTimes()
	var next func()
	next = func() {
		w := work(random)
		times.Add(s.Serve(w, nil) - w)
		c.After(random.ExpFloat64()/perSecond, next)
	}
	next()
	c.Run(seconds)
	return times.Mean()
}

// TestKnownQueues compares a station with the formula of Pollaczek and Khinchine, λE(S²)/2(1-ρ), and Erlang's for two servers.
func TestKnownQueues(t *testing.T) {
	t.Parallel()
	const s = 0.01
	fixed := func(*rand.Rand) float64 { return s }
	exponential := func(r *rand.Rand) float64 { return s * r.ExpFloat64() }
	mixed := func(r *rand.Rand) float64 { // nine messages to one resume, which takes eleven times as long
		if r.IntN(10) == 0 {
			return 5.5 * s
		}
		return s / 2
	}
	for name, c := range map[string]struct {
		servers   int
		perSecond float64
		work      func(*rand.Rand) float64
		want      float64
	}{
		"M/D/1, half busy":    {1, 50, fixed, 50 * s * s / 2 / 0.5},
		"M/D/1, 80 % busy":    {1, 80, fixed, 80 * s * s / 2 / 0.2},
		"M/M/1, 80 % busy":    {1, 80, exponential, 80 * 2 * s * s / 2 / 0.2},
		"M/G/1, mixed":        {1, 60, mixed, 60 * (0.9*s*s/4 + 0.1*5.5*5.5*s*s) / 2 / 0.4},
		"M/M/2, 60 % busy":    {2, 120, exponential, s * 0.6 * 0.6 / (1 - 0.6*0.6)},
		"M/D/1, hardly at it": {1, 10, fixed, 10 * s * s / 2 / 0.9},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := wait(c.servers, c.perSecond, c.work); math.Abs(got-c.want) > 0.06*c.want {
				t.Errorf("waits %.6f s, want %.6f", got, c.want)
			}
		})
	}
}

func TestClockKeepsOrder(t *testing.T) {
	t.Parallel()
	var c simulation.Clock
	var got []int
	for i, at := range []float64{2, 1, 1, 3, -1} {
		c.After(at, func() { got = append(got, i) })
	}
	c.Run(2.5)
	if want := []int{4, 1, 2, 0}; len(got) != 4 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] || got[3] != want[3] || c.Now() != 2.5 {
		t.Errorf("%v at %v, want %v", got, c.Now(), want)
	}
}

// closed is what a closed loop of so many comes to, each of whom goes through all stations again and again: a second, and the median.
func closed(c *simulation.Clock, many int, stations []*simulation.Station, work []float64) (perSecond, p50 float64) {
	const seconds = 5
	times := simulation.NewTimes()
	var visit func(i int, began float64)
	visit = func(i int, began float64) {
		if i == len(stations) {
			times.Add(c.Now() - began)
			i, began = 0, c.Now()
		}
		stations[i].Serve(work[i], func() { visit(i+1, began) })
	}
	for range many {
		visit(0, 0)
	}
	c.Run(seconds)
	return float64(times.Count()) / seconds, times.P50()
}

// TestMeasuredSaturation: from nothing but the costs of a message (a resume) the simulation says how many a second our own load test
// got through, and what its median was. It knows nothing of wake-ups, and of what else used
// the machine, so it is the faster one, within a factor of two.
func TestMeasuredSaturation(t *testing.T) {
	t.Parallel()
	files, err := report.Load("../../../docs/performance")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for i := range files {
		f := &files[i]
		if len(f.Results) == 0 {
			continue
		}
		r := &f.Results[0]
		get := func(name string) float64 { v, _ := r.Get(name); return v }
		var c simulation.Clock
		machine := simulation.NewStation(&c, f.Machine.Cores, 1)
		redis := simulation.NewStation(&c, 1, 1)
		var measured, median, simulated, p50 float64
		switch {
		case f.Scenario == "relay" && strings.HasPrefix(f.Command, "go run ./tools/loadtest relay -rate max ") && !strings.Contains(f.Command, "-dialect"):
			measured, median = get(report.FigRate), r.Latency(report.LatConfirm).P50/1e6
			all := get(report.FigServerCPU) + get(report.FigRedisCPU) + get("load_cpu_per_message")
			simulated, p50 = closed(&c, int(get(report.FigConnections)), []*simulation.Station{machine}, []float64{all / 1e6})
		case f.Scenario == "resume" && f.Command == "go run ./tools/loadtest resume -rate max":
			measured, median = get("resumes_per_second"), r.Latency(report.LatResume).P50/1e6
			simulated, p50 = closed(&c, 256, []*simulation.Station{machine, redis}, []float64{get("server_cpu_per_resume") / 1e6, get("redis_cpu_per_resume") / 1e6})
		default:
			continue
		}
		seen++
		t.Logf("%s: %.0f a second and %.1f ms, measured %.0f and %.1f", f.Command, simulated, p50*1e3, measured, median*1e3)
		if simulated < 0.9*measured || simulated > 2*measured || p50 > 1.1*median || p50 < median/2 {
			t.Errorf("%s: simulated %.0f a second and %.1f ms, measured %.0f and %.1f", f.Command, simulated, p50*1e3, measured, median*1e3)
		}
	}
	if seen != 2 {
		t.Errorf("%d measurements to compare with, want 2", seen)
	}
}
