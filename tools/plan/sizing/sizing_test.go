package sizing_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/plan/sizing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	measured = "../../../docs/performance"
	prices   = "../../../terraform/modules/cost/prices.json"
)

func planner(t *testing.T) sizing.Planner {
	t.Helper()
	u, err := sizing.LoadUnits(measured)
	if err != nil {
		t.Fatal(err)
	}
	p, err := sizing.LoadPrices(prices)
	if err != nil {
		t.Fatal(err)
	}
	return sizing.Planner{Units: u, Assume: sizing.Defaults(), Prices: p}
}

// TestUnitsAreThoseOfTheReports compares some units with the files that they come from.
func TestUnitsAreThoseOfTheReports(t *testing.T) {
	t.Parallel()
	p := planner(t)
	files, err := report.Load(measured)
	if err != nil {
		t.Fatal(err)
	}
	worst, fastest := 0.0, 0.0
	for _, f := range files {
		for _, r := range f.Results {
			if v, ok := r.Get("redis_cpu_per_connect"); ok && f.Scenario == "idle" {
				worst = max(worst, v)
			}
			if v, ok := r.Get("resumes_per_second"); ok && f.Scenario == "resume" {
				fastest = max(fastest, v)
			}
		}
	}
	if p.Units.ConnectRedis != worst || p.Units.ResumesPerSecond != fastest || worst == 0 || fastest == 0 {
		t.Errorf("connect %v, want %v; %v resumes a second, want %v", p.Units.ConnectRedis, worst, p.Units.ResumesPerSecond, fastest)
	}
	for name, c := range map[string]sizing.Curve{
		"memory": p.Units.ConnectionBytes, "idle": p.Units.IdleServer, "message": p.Units.MessageServer, "Redis": p.Units.MessageRedis,
	} {
		for i := range c[1:] {
			if c[i].X >= c[i+1].X || c[i].Y <= 0 {
				t.Errorf("%s: %+v", name, c)
			}
		}
	}
}

func TestNothingMeasured(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := sizing.LoadUnits(dir); err == nil || !strings.Contains(err.Error(), "idle, relay, resume, start") {
		t.Errorf("%v", err)
	}
	path := filepath.Join(dir, "prices.json")
	for _, text := range []string{"", "{}", `{"hours_a_month": 730}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := sizing.LoadPrices(path); err == nil {
			t.Errorf("prices from %q", text)
		}
	}
}

func TestCurve(t *testing.T) {
	t.Parallel()
	c := sizing.Curve{{X: 10, Y: 100}, {X: 1000, Y: 1}}
	for load, want := range map[float64]float64{1: 100, 10: 100, 100: 10, 1000: 1, 5000: 1} {
		if got := c.At(load); got < want*0.999 || got > want*1.001 {
			t.Errorf("at %v: %v, want %v", load, got, want)
		}
	}
}

// TestPlansAreEnoughAndNoMore: more clients never need less, and nothing is filled beyond what was asked for.
func TestPlansAreEnoughAndNoMore(t *testing.T) {
	t.Parallel()
	p := planner(t)
	platforms := sizing.Platforms(&p.Prices)
	for i := range platforms {
		var last sizing.Plan
		for n := 100.0; n < 1e9; n *= 1.7 {
			plan := p.Plan(&platforms[i], n)
			if plan.Instances < last.Instances || plan.Cells < last.Cells || plan.USD < last.USD {
				t.Errorf("%s: %.0f clients need less than fewer: %+v", platforms[i].Name, n, plan)
			}
			if plan.InstanceBusy > p.Assume.Busy || plan.ShardBusy > p.Assume.Busy || plan.PerInstance() > float64(platforms[i].Connections) {
				t.Errorf("%s, %.0f: too full: %+v", platforms[i].Name, n, plan)
			}
			if (plan.Shards > plan.Cells) != (plan.ShardsFor != "") || (plan.Cells > 1) != (plan.CellsFor != "") {
				t.Errorf("%s, %.0f: without a reason: %+v", platforms[i].Name, n, plan)
			}
			last = plan
		}
	}
}

// TestLimits: in a plan none is exceeded, and the first that ends is where the plan changes.
func TestLimits(t *testing.T) {
	t.Parallel()
	p := planner(t)
	platforms := sizing.Platforms(&p.Prices)
	for i := range platforms {
		for _, n := range []float64{70_000, 1e6, 1e8} {
			plan := p.Plan(&platforms[i], n)
			for _, l := range p.Limits(&plan) {
				if l.Used <= 0 || l.Used > 1.001 || l.Answer == "" {
					t.Errorf("%s, %.0f: %+v", platforms[i].Name, n, l)
				}
				if l.Name != "one Redis primary" {
					continue
				}
				below, above := p.Plan(&platforms[i], l.At*0.99), p.Plan(&platforms[i], l.At*1.01)
				if below.Shards > below.Cells || above.Shards <= above.Cells {
					t.Errorf("%s: one primary is said to end at %.0f", platforms[i].Name, l.At)
				}
			}
		}
	}
}

// TestAssumptionsMatter: each of them changes a plan in the direction that it should.
func TestAssumptionsMatter(t *testing.T) {
	t.Parallel()
	base := planner(t)
	kubernetes := func(p *sizing.Planner) sizing.Plan {
		platforms := sizing.Platforms(&p.Prices)
		return p.Plan(&platforms[2], 1e6)
	}
	was := kubernetes(&base)
	for name, change := range map[string]func(*sizing.Assumptions){
		"more messages":        func(a *sizing.Assumptions) { a.Messages *= 20 },
		"a larger storm":       func(a *sizing.Assumptions) { a.Storm = 1 },
		"a shorter grace":      func(a *sizing.Assumptions) { a.Grace /= 4 },
		"slower processors":    func(a *sizing.Assumptions) { a.Speed = 0.5 },
		"more mail":            func(a *sizing.Assumptions) { a.WaitingBytes = 1e5 },
		"a hasty deploy":       func(a *sizing.Assumptions) { a.Deploy /= 20 },
		"fast recovery":        func(a *sizing.Assumptions) { a.Recovery /= 10 },
		"more that come back":  func(a *sizing.Assumptions) { a.Resumes *= 50 },
		"more that come anew":  func(a *sizing.Assumptions) { a.Connects *= 200 },
		"less that is used":    func(a *sizing.Assumptions) { a.Busy = 0.2 },
		"a dear bus":           func(a *sizing.Assumptions) { a.BusMicros *= 50 },
		"fewer of Redis' conn": func(a *sizing.Assumptions) { a.RedisClients = 100 },
	} {
		p := base
		change(&p.Assume)
		if got := kubernetes(&p); got.Shards <= was.Shards && got.Cells <= was.Cells {
			t.Errorf("%s: %.0f shards as before", name, got.Shards)
		}
	}
}

func TestBadAssumptions(t *testing.T) {
	t.Parallel()
	good := sizing.Defaults()
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for _, change := range []func(*sizing.Assumptions){
		func(a *sizing.Assumptions) { a.Busy = 1 },
		func(a *sizing.Assumptions) { a.Storm = 2 },
		func(a *sizing.Assumptions) { a.Speed = 0 },
		func(a *sizing.Assumptions) { a.Messages = -1 },
		func(a *sizing.Assumptions) { a.RedisClients = 0 },
	} {
		bad := sizing.Defaults()
		change(&bad)
		if bad.Check() == nil {
			t.Errorf("taken: %+v", bad)
		}
	}
}
