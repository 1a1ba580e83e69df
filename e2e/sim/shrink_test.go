package sim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
)

// shrink looks for the shortest list of items that still breaks the same law: delta debugging (Zeller and Hildebrandt, 2002).
// Numbers of items stay, and so does all that is drawn for them.
func shrink(t *testing.T, p *plan, law history.Law, until time.Time) *plan {
	t.Helper()
	fails := func(q *plan) bool {
		return slices.ContainsFunc(live(t, q, nil).broken, func(v history.Violation) bool { return v.Law == law })
	}
	parts := 2
	for len(p.items) > 0 && time.Now().Before(until) {
		size := (len(p.items) + parts - 1) / parts
		smaller := false
		for from := 0; from < len(p.items) && time.Now().Before(until); from += size {
			q := *p
			q.items = slices.Delete(slices.Clone(p.items), from, min(from+size, len(p.items)))
			if fails(&q) {
				p, parts, smaller = &q, max(parts-1, 2), true
				break
			}
		}
		if !smaller {
			if size == 1 {
				break
			}
			parts = min(2*parts, len(p.items))
		}
	}
	return p
}
