//go:build linux

package scenario_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/loadtest/scenario"
)

// users fails unless every user negotiated at least as often as required, and the course of the run was recorded.
func users(t *testing.T, r *report.Result, negotiations uint64) {
	t.Helper()
	const each = 2 * 3 // offer or answer, and two candidates
	if got := r.Tally.Received; got < negotiations*each || got%each != 0 {
		t.Errorf("%d messages, want whole negotiations of %d, %d of them at least", got, each, negotiations)
	}
	if l := r.Latency(report.LatNegotiation); l == nil || l.P50 <= 0 {
		t.Errorf("negotiations took %+v", l)
	}
	if len(r.Samples) == 0 || r.Samples[len(r.Samples)-1].Users == 0 {
		t.Errorf("samples: %+v", r.Samples)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	for _, dialect := range []string{"plain", "rejoin.v1"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			plot := filepath.Join(t.TempDir(), "load.svg")
			r := run(t, "load", "-users", "90", "-rate", "200", "-candidates", "2", "-hold", "1s", "-restarts", "30", "-instances", "3",
				"-dialect", dialect, "-plot", plot)
			wants(t, &r[0], report.FigConnections, "users_per_second", report.FigRate)
			users(t, &r[0], 45+20)
			if l := r[0].Latency(report.LatUpgrade); l == nil || l.Count != 90 || len(r[0].Processes) != 4 {
				t.Errorf("%+v of %d processes", l, len(r[0].Processes))
			}
			if b, err := os.ReadFile(plot); err != nil || !strings.Contains(string(b), "Users connected") {
				t.Errorf("plot: %v", err)
			}
		})
	}
}

// TestStorm has all users come back, some of them while their peers keep sending.
func TestStorm(t *testing.T) {
	t.Parallel()
	for _, cut := range []string{"0", "25"} {
		t.Run(cut, func(t *testing.T) {
			t.Parallel()
			back := int64(25)
			if cut == "0" {
				back = 60
			}
			r := run(t, "storm", "-users", "60", "-rate", "max", "-candidates", "2", "-hold", "500ms", "-restarts", "50", "-clients", cut, "-back-off", "200ms",
				"-again", "100")
			if len(r) != 2 {
				t.Fatalf("%d results", len(r))
			}
			for i := range r {
				wants(t, &r[i], "all_back_after", "resumes_per_second")
				users(t, &r[i], 30+uint64(back)/2)
				for _, name := range []string{report.LatResume, report.LatAway} {
					if l := r[i].Latency(name); l == nil || l.Count != back {
						t.Errorf("%s: %+v, want %d", name, l, back)
					}
				}
			}
		})
	}
}

// TestStormThatLosesAUser: a session that is over when its client comes back makes a run that is not clean.
func TestStormThatLosesAUser(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	runner := scenario.Runner{Stderr: &log{}, Worker: []string{self, "worker"}}
	f, _, err := runner.Run(t.Context(), "storm", append(strings.Fields(
		"-users 20 -rate max -hold 100ms -dialect rejoin.v1 -back-off 2s -patience 2s -env GRACE_WINDOW=200ms -redis-server"),
		redisServer(t), "-server-binary", server.get(t)))
	if err != nil {
		t.Fatal(err)
	}
	if r := &f.Results[0]; f.OK() || r.Tally.Failed == 0 || !strings.Contains(strings.Join(r.Problems, "; "), "given up") {
		t.Errorf("%+v", r.Problems)
	}
}
