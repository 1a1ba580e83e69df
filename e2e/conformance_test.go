package e2e_test

import (
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/conformance/suite"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// TestConformance runs the suite against two processes on each kind of Redis, and against one on the embedded one, which
// has to behave the same. R3, R7, R9, R10, R11, R14, R23, R25.
func TestConformance(t *testing.T) {
	t.Parallel()
	const grace = 2 * time.Second
	for name, url := range map[string]func(testing.TB) string{"embedded": nil, "redis": redistest.Server, "cluster": redistest.Cluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := limit(t)
			settings := []string{"GRACE_WINDOW=" + grace.String()}
			if url != nil {
				settings = append(settings, "REDIS_URL="+url(t))
			}
			a := proctest.Start(t, settings...)
			b := a
			if url != nil {
				b = proctest.Start(t, settings...)
			}
			checks := 0
			suite.Run(ctx, suite.Target{A: a.URL(), B: b.URL(), Grace: grace}, func(r suite.Result) {
				checks++
				if r.Outcome != suite.Pass {
					t.Errorf("%s %s %v: %s", r.Outcome, r.Name, r.Rules, r.Detail)
				}
			})
			if checks == 0 {
				t.Error("no check ran")
			}
		})
	}
}
