package client_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
)

// The token of a session goes to the host that the application named, and to no other.
func TestRedirectsToAnotherHostAreNotFollowed(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	t.Cleanup(other.Close)
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, other.URL+r.URL.String(), http.StatusTemporaryRedirect)
		return true
	})
	for _, own := range []*http.Client{nil, other.Client()} {
		cfg := fast(s)
		cfg.HTTPClient = own
		cfg.Resume = &client.Position{Token: "secret"}
		var refused *client.RefusedError
		if _, err := client.Dial(t.Context(), cfg); !errors.As(err, &refused) || refused.Status != http.StatusTemporaryRedirect {
			t.Errorf("dial: %v, want a refusal with 307", err)
		}
	}
	if reached.Load() {
		t.Error("the token went to another host")
	}
}

func TestRedirectsOnTheSameHostAreFollowed(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/new") {
			return false
		}
		http.Redirect(w, r, "/new"+r.URL.String(), http.StatusPermanentRedirect)
		return true
	})
	if _, conn := dial(t, s, fast(s), func(c *conn) { c.fresh("t1") }); !strings.HasPrefix(conn.query, "/new/"+room) {
		t.Errorf("connected to %s", conn.query)
	}
}

func TestEndlessRedirectsEnd(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, r.URL.String(), http.StatusFound)
		return true
	})
	var refused *client.RefusedError
	if _, err := client.Dial(t.Context(), fast(s)); !errors.As(err, &refused) || refused.Status != http.StatusFound {
		t.Errorf("dial: %v", err)
	}
}

// The date is compared with the server's own clock: by ours, both are long ago.
func TestRetryAfterAsADate(t *testing.T) {
	t.Parallel()
	date := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	var requests atomic.Int32
	var refused atomic.Pointer[time.Time]
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) bool {
		if requests.Add(1) > 1 {
			return false
		}
		now := time.Now()
		refused.Store(&now)
		w.Header().Set("Date", date.Format(http.TimeFormat))
		w.Header().Set("Retry-After", date.Add(time.Second).Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	dial(t, s, fast(s), func(c *conn) { c.fresh("t1") })
	if wait := time.Since(*refused.Load()); wait < time.Second {
		t.Errorf("came back after %v", wait)
	}
}
