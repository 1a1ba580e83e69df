package budget_test

import (
	"sync"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/budget"
)

func TestBudget(t *testing.T) {
	t.Parallel()
	b := budget.New(1000)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				b.Add(3)
				b.Add(-1)
			}
		})
	}
	wg.Wait()
	if b.Held() != 16_000 || b.Excess() != 15_000 || b.Limit() != 1000 {
		t.Errorf("%d held, %d too much of %d", b.Held(), b.Excess(), b.Limit())
	}
	b.Add(-15_500)
	if b.Excess() != -500 {
		t.Errorf("excess %d", b.Excess())
	}
	var none *budget.Budget
	none.Add(1 << 40)
	if none.Held() != 0 || none.Excess() != 0 || none.Limit() != 0 {
		t.Error("no budget counts nothing")
	}
}
