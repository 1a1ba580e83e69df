package streams

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// The keys of a primary that hangs, there are several, hold up the renewal at the others for one interval at most.
func TestARenewalWaitsForNoKeysThatHang(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const wait = 900 * time.Millisecond // three tenths of a lease of 3 s
		var l leases
		for round := range 5 {
			answers := make(chan leaseAnswer, 4)
			for i := range 2 {
				answers <- leaseAnswer{key: fmt.Sprint(i), list: []any{int64(1), "here"}}
			}
			began := time.Now()
			answered, lost, err := l.gather(context.Background(), answers, 4, wait)
			if took := time.Since(began); took != wait || len(answered) != 2 || lost || err == nil {
				t.Errorf("round %d: %d keys answered, lost %t, %v, after %v", round, len(answered), lost, err, took)
			}
		}
	})
}

// What the keys say is told apart: a lease that one of them had lost, and one that did not answer.
func TestARenewalTakesWhatEachKeySays(t *testing.T) {
	t.Parallel()
	var l leases
	renew := func(list ...leaseAnswer) (int, bool, error) {
		answers := make(chan leaseAnswer, len(list))
		for _, a := range list {
			answers <- a
		}
		answered, lost, err := l.gather(t.Context(), answers, len(list), time.Minute)
		return len(answered), lost, err
	}
	here := func(key string, good int64) leaseAnswer {
		return leaseAnswer{key: key, list: []any{good, "here"}}
	}
	if n, lost, err := renew(here("a", 0), here("b", 0)); n != 2 || lost || err != nil {
		t.Errorf("the first: %d, lost %t, %v", n, lost, err)
	}
	if n, lost, err := renew(here("a", 1), leaseAnswer{key: "b", err: ErrBusy}); n != 1 || lost || err == nil {
		t.Errorf("one fails: %d, lost %t, %v", n, lost, err)
	}
	if n, lost, err := renew(here("a", 1), here("b", 0)); n != 2 || !lost || err != nil {
		t.Errorf("one had lost it: %d, lost %t, %v", n, lost, err)
	}
}
