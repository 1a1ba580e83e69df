package client_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
)

// deafTransport heeds no context once it is told to be deaf.
type deafTransport struct {
	deaf    atomic.Bool
	entered chan struct{}
	release chan struct{}
}

func (d *deafTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if d.deaf.Load() {
		d.entered <- struct{}{}
		<-d.release
		return nil, errors.New("at last")
	}
	return http.DefaultTransport.RoundTrip(r)
}

func TestCloseReturnsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	d := &deafTransport{entered: make(chan struct{}), release: make(chan struct{})}
	cfg := fast(s)
	cfg.HTTPClient = &http.Client{Transport: d}
	c, conn := dial(t, s, cfg, func(c *conn) { c.fresh("t1") })
	p := post(t, c, "a")
	d.deaf.Store(true)
	conn.drop()
	<-d.entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("close: %v", err)
	}
	if err := settled(t, p); !errors.Is(err, client.ErrClosed) {
		t.Errorf("message ended with %v", err)
	}
	if _, err := c.Next(t.Context()); err != nil && !errors.Is(err, client.ErrClosed) {
		t.Errorf("next: %v", err)
	}
	close(d.release)
	<-c.Done()
}

// The second call must not cut off the closing handshake of the first.
func TestCloseTwiceClosesOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, conn := dial(t, s, fast(s), func(c *conn) { c.fresh("t1") })
	next[client.Session](t, c)
	const callers = 4
	results := make(chan error, callers)
	for range callers {
		go func() { results <- c.Close(t.Context()) }()
	}
	if code := conn.readEnd(); code != 1000 {
		t.Errorf("closed with %d, want 1000", code)
	}
	for range callers {
		if err := <-results; err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if err := c.Close(t.Context()); err != nil {
		t.Errorf("close of what is closed: %v", err)
	}
}

// The server may have resumed the session, and told the peers, before the client knows.
func TestCloseDuringAnAttemptLeavesTheRoom(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, conn := dial(t, s, fast(s), func(c *conn) { c.fresh("t1") })
	next[client.Session](t, c)
	conn.drop()
	conn = s.next(t) // the upgrade is answered, and no session frame has come yet
	closed := make(chan error, 1)
	go func() { closed <- c.Close(t.Context()) }()
	until(t, "the client is closed", func() bool { return c.Err() != nil })
	conn.resumed("t2")
	if code := conn.readEnd(); code != 1000 {
		t.Errorf("closed with %d, want 1000", code)
	}
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestCloseBetweenAttemptsDoesNotWait(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	cfg := fast(s)
	c, conn := dial(t, s, cfg, func(c *conn) { c.fresh("t1") })
	next[client.Session](t, c)
	s.refuse.Store(true) // 503 with Retry-After: an hour, which counts as five minutes
	conn.drop()
	next[client.Disconnected](t, c)
	until(t, "an attempt is refused", func() bool { return s.refused.Load() > 0 })
	if err := c.Close(t.Context()); err != nil {
		t.Errorf("close: %v", err)
	}
}

// Times that no Duration can hold must neither end a client nor make it hurry.
func TestNonsensicalTimes(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	cfg := fast(s)
	cfg.Backoff.Max = 1<<63 - 1
	c, conn := dial(t, s, cfg, func(c *conn) {
		c.write(`{"info":"session","clientId":"me","resumeToken":"t1","resumed":false,"peers":[],"graceMs":9223372036854775807,"pingMs":9223372036854775807,"maxMessageBytes":65536}`)
	})
	if e := next[client.Session](t, c); e.Ping < time.Hour || e.Grace < time.Hour {
		t.Errorf("%+v", e)
	}
	conn.write(`{"info":"goAway","reconnectInMs":9223372036854775807,"reason":"drain"}`)
	if e := next[client.GoAway](t, c); e.In < time.Hour {
		t.Errorf("%+v", e)
	}
	conn.drop()
	s.next(t).resumed("t2")
	next[client.Disconnected](t, c)
	next[client.Session](t, c)
}
