package suite

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// A service that is overloaded is asked again when it says so, and not if it says that this takes longer than a check may wait.
func TestAnOverloadedServiceIsAskedAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		retryAfter string
		want, asks int
	}{{"0", 426, 3}, {"1", 426, 3}, {"3600", 503, 1}, {"", 503, 1}} {
		t.Run("Retry-After "+c.retryAfter, func(t *testing.T) {
			t.Parallel()
			var asks atomic.Int32
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if asks.Add(1) == 3 {
					w.WriteHeader(http.StatusUpgradeRequired)
					return
				}
				if c.retryAfter != "" {
					w.Header().Set("Retry-After", c.retryAfter)
				}
				w.WriteHeader(http.StatusServiceUnavailable)
			}))
			defer s.Close()
			p := newProbe(t.Context(), Target{A: s.URL, Patience: 20 * time.Second})
			defer p.close()
			got := p.request(s.URL, upgradeHead("/", newKey()))
			if got.resp.StatusCode != c.want || int(asks.Load()) != c.asks {
				t.Errorf("%s after %d requests, want %d after %d", got.resp.Status, asks.Load(), c.want, c.asks)
			}
		})
	}
}
