package suite_test

import (
	"bytes"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/e2e/wscases/suite"
	"github.com/rejoin-dev/rejoin/internal/proctest"
)

// TestCases runs all cases against a real process, and wants docs/websocket.md to say what they are and what came of
// them. R22.
func TestCases(t *testing.T) {
	t.Parallel()
	server := proctest.Start(t, "RATE_LIMIT_MESSAGES=0")
	results := suite.Run(t.Context(), suite.Target{URL: server.URL()})
	for _, r := range results {
		if r.Outcome != suite.Pass {
			t.Errorf("%s %s: want %s: %s: %s", r.ID, r.Sent, r.Expected, r.Outcome, r.Detail)
		}
	}
	var page bytes.Buffer
	if err := suite.WriteTable(&page, results); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile("../../../docs/websocket.md")
	if err != nil {
		t.Fatal(err)
	}
	if t.Failed() || page.String() == string(written) {
		return
	}
	now, before := strings.Split(page.String(), "\n"), strings.Split(string(written), "\n")
	for i := range min(len(now), len(before)) {
		if now[i] != before[i] {
			t.Fatalf("docs/websocket.md is out of date (its first line has the command), line %d:\n%s\nwant\n%s", i+1, before[i], now[i])
		}
	}
	t.Fatalf("docs/websocket.md is out of date: %d lines, want %d", len(before), len(now))
}

// TestEveryCaseIsInTheTable: a number is one case, and its section has a heading.
func TestEveryCaseIsInTheTable(t *testing.T) {
	t.Parallel()
	var results []suite.Result
	seen := map[string]bool{}
	for _, c := range suite.Cases() {
		if seen[c.ID] || c.Sent == "" {
			t.Errorf("%s: given twice, or does not say what is sent", c.ID)
		}
		seen[c.ID] = true
		results = append(results, suite.Result{ID: c.ID, Sent: c.Sent, Expected: c.Expected(), Outcome: suite.Skip})
	}
	var page bytes.Buffer
	if err := suite.WriteTable(&page, results); err != nil {
		t.Fatal(err)
	}
	for id := range seen {
		if !strings.Contains(page.String(), "\n| "+id+" | ") {
			t.Errorf("%s is not in the table", id)
		}
	}
}

// TestEveryCaseFailsWithoutAService proves that no case passes by itself.
func TestEveryCaseFailsWithoutAService(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "ws://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, r := range suite.Run(t.Context(), suite.Target{URL: url}) {
		if r.Outcome != suite.Fail || r.Detail == "" {
			t.Errorf("%+v", r)
		}
	}
}

// TestRateLimitedService: what a rate limit forbids is skipped, and the rest still passes.
func TestRateLimitedService(t *testing.T) {
	t.Parallel()
	server := proctest.Start(t)
	results := suite.Run(t.Context(), suite.Target{URL: server.URL(), Rate: 20, Seed: 1, Only: regexp.MustCompile(`^(1|9\.3)\.`)})
	outcomes := map[suite.Outcome]int{}
	for _, r := range results {
		outcomes[r.Outcome]++
		if r.Detail != "" {
			t.Errorf("%s: %s", r.ID, r.Detail)
		}
	}
	if outcomes[suite.Pass] != 20 || outcomes[suite.Skip] != 5 {
		t.Errorf("outcomes: %v", outcomes)
	}
}
