package report_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPercentiles(t *testing.T) {
	t.Parallel()
	a, b := report.NewHistogram(), report.NewHistogram()
	for i := 1; i <= 500; i++ {
		a.Record(time.Duration(i) * time.Millisecond)
		b.Record(time.Duration(i+500) * time.Millisecond)
	}
	a.Add(b)
	l := a.Latency("x")
	near := func(name string, got, want float64) {
		if math.Abs(got-want) > want/500 {
			t.Errorf("%s is %v µs, want %v", name, got, want)
		}
	}
	near("p50", l.P50, 500_000)
	near("p90", l.P90, 900_000)
	near("p99", l.P99, 990_000)
	near("p99.9", l.P999, 999_000)
	near("max", l.Max, 1_000_000)
	near("mean", l.Mean, 500_500)
	if l.Count != 1000 || l.Name != "x" || a.Count() != 1000 {
		t.Errorf("%+v", l)
	}
}

func TestOutOfRangeDurationsCount(t *testing.T) { // not parallel: it counts allocations
	h := report.NewHistogram()
	for _, d := range []time.Duration{-time.Second, 0, 24 * time.Hour, math.MaxInt64} {
		h.Record(d)
	}
	if h.Count() != 4 {
		t.Errorf("%d of 4 were recorded", h.Count())
	}
	if n := testing.AllocsPerRun(100, func() { h.Record(time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	var good, bad report.Result
	good.Judge(traffic.Tally{Sent: 2, Confirmed: 2, Received: 2})
	bad.Judge(traffic.Tally{Sent: 3, Confirmed: 2, Received: 2, Duplicated: 1})
	if !good.OK || good.Lost != 0 {
		t.Errorf("%+v", good)
	}
	if want := "1 lost, 1 unanswered, 1 duplicated"; bad.OK || strings.Join(bad.Problems, ", ") != want {
		t.Errorf("%+v, want %s", bad.Problems, want)
	}
	if f := (report.File{Results: []report.Result{good, bad}}); f.OK() {
		t.Error("a bad result makes no bad run")
	}
	if (&report.File{}).OK() {
		t.Error("a run without results is good")
	}
}

// run makes up results as scenarios do.
func run(scenario string, connections, rate float64, subjects ...string) report.File {
	f := report.File{Scenario: scenario, Command: "loadtest " + scenario, When: time.Unix(int64(connections), 0).UTC(), Go: "go1"}
	for _, s := range subjects {
		r := report.Result{Subject: s, Settings: []report.Setting{{Name: "dialect", Value: "plain"}, {Name: "rate", Value: "x<y"}, {Name: "PORT", Value: "1"}}}
		r.Add(report.FigConnections, "", connections)
		r.Add(report.FigRate, "1/s", rate)
		r.Add(report.FigServerCPU, "µs", 60)
		r.Add(report.FigRedisCPU, "µs", 40)
		r.Add(report.FigRSSPerConnection, "bytes", 1234.6)
		h := report.NewHistogram()
		h.Record(time.Millisecond)
		r.Latencies = append(r.Latencies, h.Latency(report.LatOneWay))
		r.Processes = []report.Process{{Name: "server 1", RSSBytes: 25e6, Descriptors: 12, Goroutines: 21}, {Name: "redis", Connections: 8}}
		r.Judge(traffic.Tally{Sent: 1, Confirmed: 1, Received: 1})
		f.Results = append(f.Results, r)
	}
	return f
}

func TestRender(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, f := range map[string]report.File{
		"a": run("idle", 1000, 0, report.SubjectRejoin), "b": run("idle", 15000, 0, report.SubjectRejoin),
		"c": run("relay", 400, 300, report.SubjectRejoin, report.SubjectBaseline), "d": run("relay", 400, 3000, report.SubjectRejoin, report.SubjectBaseline),
		"e": run("relay", 60000, 3000, report.SubjectRejoin), "f": run("start", 1, 0, report.SubjectRejoin),
	} {
		if err := f.Write(filepath.Join(dir, name+".json")); err != nil {
			t.Fatal(err)
		}
	}
	if err := report.Render(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "report.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"## idle", "## relay", "## start", "1235", "| pub/sub baseline [2] |",
		"(cost-rate.svg)", "`loadtest relay`", "`PORT=1`", "| clean |",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the report does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "## resume") {
		t.Error("a section for what was not measured")
	}
	for _, name := range []string{"memory-connections", "cost-connections", "cost-rate", "latency-rate"} {
		svg, err := os.ReadFile(filepath.Join(dir, name+".svg"))
		if err != nil {
			t.Error(err)
			continue
		}
		wellFormed(t, svg)
		if !bytes.Contains(svg, []byte("stroke-width:2")) {
			t.Errorf("%s shows no line", name)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "idle-connections.svg")); err == nil {
		t.Error("a plot of nothing")
	}
}

func TestRenderNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if report.Render(dir) == nil {
		t.Error("an empty directory is good")
	}
	if err := os.WriteFile(filepath.Join(dir, "x.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if report.Render(dir) == nil {
		t.Error("broken JSON is good")
	}
}

func wellFormed(t *testing.T, svg []byte) {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(svg))
	for {
		if _, err := dec.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
	}
}

func TestSVG(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]report.Plot{
		"nothing":     {Title: "a & b <c>"},
		"one point":   {LogX: true, Series: []report.Series{{Name: "x", Points: []report.Point{{X: 1000, Y: 0}}}}},
		"zero on log": {LogX: true, Series: []report.Series{{Points: []report.Point{{X: 0, Y: 1}, {X: 5, Y: 2}}}}},
		"logarithmic": {LogY: true, Series: []report.Series{{Points: []report.Point{{X: 1, Y: 0.5}, {X: 5, Y: 2000}}}}},
		"linear":      {Series: []report.Series{{Points: []report.Point{{X: 1, Y: 0.001}, {X: 7e6, Y: 0.0042}}}}},
	} {
		svg := p.SVG()
		wellFormed(t, []byte(svg))
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("%s: %s", name, svg)
		}
		if svg != p.SVG() {
			t.Errorf("%s: drawn differently the second time", name)
		}
	}
}

// TestTimeline: what runs over time becomes a picture, and what did not does not.
func TestTimeline(t *testing.T) {
	t.Parallel()
	f := run("load", 70000, 500, report.SubjectRejoin)
	if len(f.Timeline()) != 0 {
		t.Error("a run without samples has a timeline")
	}
	for i := range 100 {
		f.Results[0].Samples = append(f.Results[0].Samples, report.Sample{Seconds: float64(i), Users: 500 * i, OneWayP99: float64(i % 7)})
	}
	dir := t.TempDir()
	if err := f.Write(filepath.Join(dir, "load-70000.json")); err != nil {
		t.Fatal(err)
	}
	if err := report.Render(dir); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(filepath.Join(dir, "load-70000.svg"))
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, svg)
	for _, want := range []string{"Users connected", "one way p99", "Redis"} {
		if !bytes.Contains(svg, []byte(want)) {
			t.Errorf("no %q in the picture", want)
		}
	}
	if bytes.Contains(svg, []byte("one way p50")) || bytes.Contains(svg, []byte("A3.5,3.5")) {
		t.Error("it shows what was not measured, or a hundred dots")
	}
	text, err := os.ReadFile(filepath.Join(dir, "report.md"))
	if err != nil || !bytes.Contains(text, []byte("(load-70000.svg)")) || !bytes.Contains(text, []byte("## load")) {
		t.Errorf("%v: the report lacks it: %s", err, text)
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	f := run("relay", 400, 300, report.SubjectRejoin, report.SubjectBaseline)
	f.Results[0].Judge(traffic.Tally{Sent: 1})
	if err := f.Print(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"REJOIN: dialect=plain", "server cpu per message", "60 µs", "BAD: 1 lost", "REJOIN / PUB/SUB BASELINE", "nothing lost"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table does not say %q:\n%s", want, b.String())
		}
	}
}
