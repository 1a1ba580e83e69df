package report_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
)

var update = flag.Bool("update", false, "write the tables of measurements into the documents")

// TestDocs compares the tables in the documents with the measurements that they are made of; -update writes them.
func TestDocs(t *testing.T) {
	t.Parallel()
	files, err := report.Load("../../../docs/performance")
	if err != nil {
		t.Fatal(err)
	}
	for path, tables := range map[string]map[string]string{
		"../../../README.md":           {"jitter": report.JitterShort(files)},
		"../../../docs/performance.md": {"jitter": report.JitterTable(files), "compare": report.CompareTable(files)},
		"../../../docs/peerjs.md":      {"peerjs-costs": report.PeerJSCosts(files)},
		"../../../docs/reliability.md": {"peerjs-faults": report.PeerJSFaults(files)},
	} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		for name, want := range tables {
			begin, end := "<!-- "+name+": written by `go test ./tools/loadtest/report -update` -->\n", "<!-- /"+name+" -->"
			head, rest, ok := strings.Cut(text, begin)
			old, tail, ok2 := strings.Cut(rest, end)
			switch {
			case !ok || !ok2:
				t.Fatalf("%s lacks the markers of %s", path, name)
			case old == want:
			case *update:
				text = head + begin + want + end + tail
			default:
				t.Errorf("%s in %s is old: go test ./tools/loadtest/report -update\n%s", name, path, want)
			}
		}
		if *update && text != string(b) {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// jitterRun makes up a run of jitter.
func jitterRun() report.File {
	f := report.File{Scenario: "jitter", Command: "loadtest jitter"}
	for _, x := range []struct {
		subject, protocol, event string
		clients                  float64
	}{
		{report.SubjectRejoin, "rejoin.v1", "none", 10_000},
		{report.SubjectRejoin, "rejoin.v1", "kill", 10_000},
		{report.SubjectRejoin, "plain-wallet", "none", 10_000},
		{report.SubjectSocketIO, "socket.io", "deploy", 500},
		{report.SubjectCentrifugo, "centrifugo", "none", 500},
	} {
		h := report.NewHistogram()
		h.Record(1234567890)
		r := report.Result{Subject: x.subject, Settings: []report.Setting{{Name: "protocol", Value: x.protocol}, {Name: "event", Value: x.event}}}
		r.Add(report.FigConnections, "", x.clients)
		r.Add(report.FigDelivered, "%", 99.999)
		r.Latencies = []report.Latency{h.Latency(report.LatWritten), h.Latency(report.LatReconnect)}
		r.Tally.Sent, r.Tally.Duplicated = 12345, 7
		f.Results = append(f.Results, r)
	}
	return f
}

func TestJitterTables(t *testing.T) {
	t.Parallel()
	if report.JitterTable(nil)+report.JitterShort(nil) != "" {
		t.Error("a table of nothing")
	}
	files := []report.File{jitterRun()}
	long, short := report.JitterTable(files), report.JitterShort(files)
	for _, want := range []string{
		"| Rejoin | 10,000 | 12,345 | 99.99 % |", "| Rejoin, an instance is killed |", "| Rejoin, plain wallets |",
		"| Socket.IO with state recovery, a rolling deploy | 500 |", "| Centrifugo with recovery |", "| *AnyCable* | 10,000 | 1,200,000 | **100 %** |", "| 7 · 0 |", "1,235",
	} {
		if !strings.Contains(long, want) {
			t.Errorf("the table does not say %q:\n%s", want, long)
		}
	}
	if strings.Contains(short, "| Centrifugo") || !strings.Contains(short, "| *Socket.IO* | 84.55 % | not said | 106 · 394 · 1,070 |") {
		t.Errorf("the short table:\n%s", short)
	}
	for _, table := range []string{long, short} {
		columns := 0
		for line := range strings.Lines(table) {
			n := strings.Count(line, "|")
			if n == 0 {
				break
			}
			if columns != 0 && n != columns {
				t.Errorf("%d columns in %s, not %d", n, line, columns)
			} else {
				columns = n
			}
		}
	}
	dir := t.TempDir()
	if err := files[0].Write(dir + "/jitter.json"); err != nil {
		t.Fatal(err)
	}
	if err := report.Render(dir); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(dir + "/jitter-delivery.svg")
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, svg)
	for _, want := range []string{"Rejoin, plain wallets", "84.55 % delivered", "published by AnyCable"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("no %q in the picture", want)
		}
	}
}

func TestCompareTable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := run("relay", 400, 300, report.SubjectRejoin, report.SubjectBaseline, report.SubjectCentrifugo)
	if err := f.Write(dir + "/relay-300.json"); err != nil {
		t.Fatal(err)
	}
	files, err := report.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := report.CompareTable(files)
	for _, want := range []string{
		"| one-way latency at 300/s, p50 | ≤ 0.5 ms | 1.00 ms | 1.00 ms | 1.00 ms | 1 | 1 |", "| servers' CPU per message at 300/s | ≤ 300 µs | **60 µs** |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the table does not say %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "3,000") {
		t.Errorf("a row of what was not measured:\n%s", got)
	}
}
