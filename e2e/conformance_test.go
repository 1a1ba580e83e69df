package e2e_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/tools/conformance/suite"
)

// TestConformance runs the suite against two processes on each kind of Redis, and against one on the embedded one, which
// has to behave the same. R3, R7, R9, R10, R11, R14, R23, R25.
//
// All checks run with the default grace window, so that a slow machine changes nothing, but those that wait for its
// end: they run with a short one.
func TestConformance(t *testing.T) {
	t.Parallel()
	windowEnds := regexp.MustCompile("grace: the end|grace: undelivered|plain wallet: the end")
	for name, url := range map[string]func(testing.TB) string{"embedded": nil, "redis": redistest.Server, "cluster": redistest.Cluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			skipped := conform(t, url, time.Minute, nil)
			for _, check := range skipped {
				if !windowEnds.MatchString(check) {
					t.Errorf("skipped: %s", check)
				}
			}
			if again := conform(t, url, 4*time.Second, windowEnds); len(again) > 0 {
				t.Errorf("skipped: %q", again)
			}
		})
	}
}

// conform runs the checks chosen by only (nil: all) and returns the names of those that were skipped.
func conform(t *testing.T, url func(testing.TB) string, grace time.Duration, only *regexp.Regexp) (skipped []string) {
	ctx := limit(t)
	settings := []string{"GRACE_WINDOW=" + grace.String(), "TURN_URLS=turn:127.0.0.1:3478", "TURN_SECRET=known to nobody else"}
	if url != nil {
		settings = append(settings, "REDIS_URL="+url(t))
	}
	a := proctest.Start(t, settings...)
	b := a
	if url != nil {
		b = proctest.Start(t, settings...)
	}
	checks := 0
	suite.Run(ctx, suite.Target{A: a.URL(), B: b.URL(), Grace: grace, Only: only, Parallel: 4}, func(r suite.Result) {
		checks++
		switch r.Outcome {
		case suite.Fail:
			t.Errorf("%s %v: %s", r.Name, r.Rules, r.Detail)
		case suite.Skip:
			skipped = append(skipped, r.Name)
		case suite.Pass:
		}
	})
	if checks == 0 {
		t.Error("no check ran")
	}
	return skipped
}
