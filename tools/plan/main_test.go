package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/plan/simulation"
)

var update = flag.Bool("update", false, "write the tables into docs/scaling.md")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// here are the flags that find the repository's files from here.
var here = []string{"-measured", "../../docs/performance", "-price-list", "../../terraform/modules/cost/prices.json"}

// TestDocs compares the tables in docs/scaling.md with what the program says; -update writes them.
func TestDocs(t *testing.T) {
	t.Parallel()
	const path = "../../docs/scaling.md"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for name, want := range documented(t) {
		begin, end := "<!-- "+name+": written by `go test ./tools/plan -update` -->\n", "<!-- /"+name+" -->"
		head, rest, ok := strings.Cut(text, begin)
		old, tail, ok2 := strings.Cut(rest, end)
		switch {
		case !ok || !ok2:
			t.Fatalf("docs/scaling.md lacks the markers of %s", name)
		case old == want:
		case *update:
			text = head + begin + want + end + tail
		case name == "simulation" && runtime.GOARCH != "amd64": // which may fuse a multiplication and an addition
		default:
			t.Errorf("%s in docs/scaling.md is old: go test ./tools/plan -update\n%s", name, want)
		}
	}
	if *update && text != string(b) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// documented are the tables of docs/scaling.md, by the names of their markers.
func documented(t *testing.T) map[string]string {
	t.Helper()
	c, err := parse(here, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.planner()
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string]float64{"70000": 70_000, "1e6": 1e6, "1e8": 1e8}
	files, err := report.Load(c.measured)
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]string{"units": unitTable(&p), "load": loadTable(files)}
	for name, n := range numbers {
		plans, err := c.plans(&p, n)
		if err != nil {
			t.Fatal(err)
		}
		tables[name] = planTable(plans)
		if n == 1e6 {
			tables["limits"] = limitTable(&p, plans)
		}
	}
	c.platform = "kubernetes"
	rows := make([]simulated, 3)
	var done sync.WaitGroup
	for i, n := range []float64{70_000, 1e6, 1e8} {
		plans, err := c.plans(&p, n)
		if err != nil {
			t.Fatal(err)
		}
		done.Go(func() {
			rows[i] = simulated{plan: &plans[0], verdict: simulation.Verify(&p, &plans[0], 1, c.seed)}
			if n == 1e6 {
				rows[i].findBreak(&p, c.seed)
			}
		})
	}
	done.Wait()
	for i := range rows {
		if broken := rows[i].verdict.Broken; len(broken) > 0 {
			t.Errorf("a documented plan breaks: %v", broken)
		}
	}
	tables["simulation"] = simulationTable(rows, func(s *simulated) string { return commas(s.plan.Clients) })
	return tables
}

func TestRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(append([]string{"-clients", "7e3", "-platform", "kubernetes"}, here...), &out, os.Stderr); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{"7,000 clients", "USD per month", "one Redis primary", "| storm |", "breaks first"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "cloud-run") {
		t.Error("it plans platforms that were not asked for")
	}
}

// TestBrokenPlanSaysSo: more of processors that are too slow do not make messages fast, which arithmetic overlooks.
func TestBrokenPlanSaysSo(t *testing.T) {
	t.Parallel()
	err := run(append([]string{"-clients", "2000", "-platform", "kubernetes", "-speed", "0.05"}, here...), &bytes.Buffer{}, os.Stderr)
	if !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
}

func TestBadCommandLines(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"-clients 0", "-clients many", "x", "-platform moon", "-busy 2", "-measured /nowhere", "-price-list /nowhere"} {
		args := append(append([]string{"-simulate=false"}, here...), strings.Fields(line)...)
		if err := run(args, &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
			t.Errorf("%s: ran", line)
		}
	}
	if err := run([]string{"-h"}, &bytes.Buffer{}, &bytes.Buffer{}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: %v", err)
	}
}
