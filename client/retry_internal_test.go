package client

import (
	"math"
	"net/http"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for _, tc := range []struct {
		value, date string
		want        time.Duration
	}{
		{"", "", 0},
		{"0", "", 0},
		{"3", "", 3 * time.Second},
		{" 3 ", "", 3 * time.Second},
		{"-3", "", 0},
		{"soon", "", 0},
		{"4294967295", "", maxRetryAfter},
		{"99999999999999999999", "", 0},
		{at(7 * time.Second), "", 7 * time.Second},
		{at(-time.Hour), "", 0},
		{at(24 * time.Hour), "", maxRetryAfter},
		{at(time.Hour), at(time.Hour - 2*time.Second), 2 * time.Second}, // the server's clock is ahead of ours
	} {
		h := http.Header{}
		h.Set("Retry-After", tc.value)
		h.Set("Date", tc.date)
		if got := retryAfter(h, now); got != tc.want {
			t.Errorf("Retry-After %q, Date %q: %v, want %v", tc.value, tc.date, got, tc.want)
		}
	}
}

func TestBackoffOfAnyBounds(t *testing.T) {
	t.Parallel()
	for _, b := range []Backoff{{0, 0}, {1, 1}, {1, math.MaxInt64}, {math.MaxInt64, math.MaxInt64}, {time.Hour, time.Second}} {
		for n := range 100 {
			if d := b.delay(n); d < 0 || d > max(b.Max, 0) {
				t.Errorf("%+v, attempt %d: %v", b, n, d)
			}
		}
	}
}
