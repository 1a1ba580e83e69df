package report_test

import (
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
)

func TestPeerJSTables(t *testing.T) {
	t.Parallel()
	if report.PeerJSCosts(nil)+report.PeerJSFaults(nil) != "" {
		t.Error("a table of nothing")
	}
	f := report.File{Scenario: "peerjs"}
	for _, part := range []string{"cost", "away"} {
		for _, x := range [][2]string{{report.SubjectPeerServer, "1"}, {report.SubjectRejoin, "1"}, {report.SubjectRejoin, "2"}} {
			r := report.Result{Subject: x[0], Settings: []report.Setting{{Name: "part", Value: part}, {Name: "server processes", Value: x[1]}}}
			r.Add(report.FigConnections, "", 5000)
			r.Add(report.FigRate+report.Paced, "1/s", 1000)
			r.Add(report.FigConnects, "1/s", 4321)
			r.Add(report.FigWithoutOpen, "", 100)
			r.Add(report.FigSilence, "s", 2.54)
			r.Latencies = []report.Latency{{Name: report.LatPaced, P50: 2400, P99: 12345}}
			r.Tally.Sent, r.Lost = 1234, 56
			f.Results = append(f.Results, r)
		}
	}
	costs, faults := report.PeerJSCosts([]report.File{f}), report.PeerJSFaults([]report.File{f})
	for table, wants := range map[string][]string{
		costs:  {"| | PeerServer | Rejoin, one instance | Rejoin, two instances |", "| 4,321 | 4,321 | 4,321 |", "at 1,000 messages a second", "| 2.4 · 12 |", "5,000 connections"},
		faults: {"| PeerServer | 1,234 | 56 | 0 | 100 | 2.5 s | 0.0 s |", "| Rejoin, two instances | 1,234 |"},
	} {
		for _, want := range wants {
			if !strings.Contains(table, want) {
				t.Errorf("the table does not say %q:\n%s", want, table)
			}
		}
	}
}
