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
	locked := regexp.MustCompile("^(auth|operator):")
	windowEnds := regexp.MustCompile("grace: the end|grace: undelivered|plain wallet: the end")
	for name, url := range map[string]func(testing.TB) string{"embedded": nil, "redis": redistest.Server, "cluster": redistest.Cluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, guard := range []bool{false, true} {
				only := locked
				if !guard || url == nil { // all else is the same behind the lock: once is enough
					only = nil
				}
				for _, check := range conform(t, url, time.Minute, only, guard) {
					if !windowEnds.MatchString(check) && (guard || !locked.MatchString(check)) {
						t.Errorf("skipped: %s", check)
					}
				}
				for _, check := range conform(t, url, 4*time.Second, windowEnds, guard) {
					if guard || !locked.MatchString(check) {
						t.Errorf("skipped: %s", check)
					}
				}
			}
		})
	}
}

// conform runs the checks chosen by only (nil: all) and returns the names of those that were skipped. With guard the instances ask for tokens
// and have an operator.
func conform(t *testing.T, url func(testing.TB) string, grace time.Duration, only *regexp.Regexp, guard bool) (skipped []string) {
	ctx := limit(t)
	settings := []string{"GRACE_WINDOW=" + grace.String(), "TURN_URLS=turn:127.0.0.1:3478", "TURN_SECRET=known to nobody else"}
	if guard {
		settings = append(guarded(t), settings...)
	}
	if url != nil {
		settings = append(settings, "REDIS_URL="+url(t))
	}
	a := proctest.Start(t, settings...)
	b := a
	if url != nil {
		b = proctest.Start(t, settings...)
	}
	checks := 0
	target := suite.Target{A: a.URL(), B: b.URL(), Grace: grace, Only: only, Parallel: 4}
	if guard {
		target.Secret, target.Admin, target.AdminToken = []byte(authKey), "http://"+b.PrivateAddr(), operatorIs
	}
	suite.Run(ctx, target, func(r suite.Result) {
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
