package client_test

import (
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
)

func TestResumesResendsAndSkipsDuplicates(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	cfg := fast(s)
	cfg.AckAfter = time.Hour
	c, conn := dial(t, s, cfg, func(c *conn) { c.fresh("t1") })
	if e := next[client.Session](t, c); e.ClientID != "me" || e.Resumed || e.Grace != time.Minute {
		t.Errorf("session %+v", e)
	}
	conn.data("7-0")
	conn.data("7-1")
	if d := next[client.Data](t, c); d.ID != "7-0" || d.From != "p" || d.Method != "offer" || d.Payload != "e" {
		t.Errorf("data %+v", d)
	}
	a, b := post(t, c, "a"), post(t, c, "b")
	conn.wantRequest("a")
	conn.wantRequest("b")
	conn.drop()

	conn = s.next(t)
	if want := []string{"rejoin.v1", "rejoin.resume.t1", "rejoin.after.7-0"}; !slices.Equal(conn.offer, want) {
		t.Errorf("offer %q, want %q", conn.offer, want)
	}
	conn.resumed("t2")
	conn.data("7-1") // received before, but not handled
	conn.data("7-2")
	conn.wantAck("7-0") // at once: retires the older token
	conn.wantRequest("a")
	conn.wantRequest("b")
	conn.confirm("a")
	conn.confirm("b")
	for _, p := range []*client.Pending{a, b} {
		if err := settled(t, p); err != nil {
			t.Error(err)
		}
	}
	if d := next[client.Data](t, c); d.ID != "7-1" {
		t.Errorf("data %+v", d)
	}
	next[client.Disconnected](t, c)
	if e := next[client.Session](t, c); !e.Resumed || !e.Peers[0].Suspended || e.Undelivered[0].RequestIDs[0] != "u" {
		t.Errorf("session %+v", e)
	}
	if d := next[client.Data](t, c); d.ID != "7-2" {
		t.Errorf("data %+v", d)
	}
	if got, want := c.Position(), (client.Position{Token: "t2", After: "7-2"}); got != want {
		t.Errorf("position %+v, want %+v", got, want)
	}
}

func TestLostSessionFrameKeepsTheToken(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	_, conn := dial(t, s, fast(s), func(c *conn) { c.fresh("t1") })
	conn.drop()
	for range 3 {
		conn = s.next(t)
		if want := []string{"rejoin.v1", "rejoin.resume.t1"}; !slices.Equal(conn.offer, want) {
			t.Errorf("offer %q, want %q", conn.offer, want)
		}
		conn.drop() // before any session frame
	}
	conn = s.next(t)
	conn.resumed("t2")
	conn.wantAck("0-0")
}

func TestRefusedResumeStartsOver(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, conn := dial(t, s, fast(s), func(c *conn) { c.fresh("t1") })
	next[client.Session](t, c)
	conn.data("9-5")
	old := next[client.Data](t, c)
	conn.wantAck("9-5")
	conn.drop()
	conn = s.next(t)
	conn.write(`{"info":"session","clientId":"new","resumeToken":"t2","resumed":false,"reason":"expired","peers":[],"graceMs":1,"pingMs":25000,"maxMessageBytes":65536}`)
	conn.data("9-0") // below the old session's ids, and yet new
	next[client.Disconnected](t, c)
	if e := next[client.Session](t, c); e.Resumed || e.Reason != "expired" || e.ClientID != "new" || c.ClientID() != "new" {
		t.Errorf("session %+v", e)
	}
	c.Ack(old)
	if d := next[client.Data](t, c); d.ID != "9-0" {
		t.Errorf("data %+v", d)
	}
	conn.wantAck("9-0") // and not 9-5, which was another session's
}

func takeUp(c *conn) { c.resumed("t2") }

func TestRestartTakesUpThePosition(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	cfg := fast(s)
	cfg.ManualAck = true
	c, conn := dial(t, s, cfg, func(c *conn) { c.fresh("t1") })
	next[client.Session](t, c)
	conn.data("7-0")
	conn.data("7-1")
	c.Ack(next[client.Data](t, c))
	conn.wantAck("7-0")
	next[client.Data](t, c) // handed out, but not handled
	code := make(chan int, 1)
	go func() { code <- int(conn.readEnd()) }()
	at, err := c.Detach(t.Context())
	if want := (client.Position{Token: "t1", After: "7-0"}); err != nil || at != want {
		t.Fatalf("detach: %+v, %v; want %+v", at, err, want)
	}
	if got := <-code; got != 1001 {
		t.Errorf("closed with %d, want 1001", got)
	}
	cfg.Resume = &at
	c, conn = dial(t, s, cfg, takeUp)
	if want := []string{"rejoin.v1", "rejoin.resume.t1", "rejoin.after.7-0"}; !slices.Equal(conn.offer, want) {
		t.Errorf("offer %q, want %q", conn.offer, want)
	}
	conn.data("7-1")
	next[client.Session](t, c)
	next[client.Data](t, c)
}

func TestFinalCloseCodesEndTheClient(t *testing.T) {
	t.Parallel()
	for _, code := range []int{1002, 1003, 1007, 1008, 1009, 4001} {
		s := newServer(t, nil)
		c, conn := dial(t, s, fast(s), func(c *conn) { c.fresh("t1") })
		p := post(t, c, "a")
		conn.wantRequest("a")
		go conn.close(websocketCode(code), "why")
		var closed *client.CloseError
		if err := end(t, c); !errors.As(err, &closed) || closed.Code != code || closed.Reason != "why" {
			t.Errorf("%d: ended with %v", code, err)
		}
		if err := settled(t, p); !errors.As(err, &closed) {
			t.Errorf("%d: message ended with %v", code, err)
		}
		<-c.Done()
		if errors.Is(c.Err(), client.ErrResumedElsewhere) != (code == 4001) {
			t.Errorf("%d: %v", code, c.Err())
		}
	}
}

func TestOtherCloseCodesAreRetried(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	_, conn := dial(t, s, fast(s), func(c *conn) { c.fresh("t1") })
	for _, code := range []int{1000, 1001, 1011, 1012, 1013} {
		conn.close(websocketCode(code), "")
		conn = s.next(t)
		conn.resumed("t2")
	}
}

func TestRefusedUpgradeHonoursRetryAfter(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	var refused atomic.Pointer[time.Time]
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) bool {
		if requests.Add(1) > 1 {
			return false
		}
		now := time.Now()
		refused.Store(&now)
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	dial(t, s, fast(s), func(c *conn) { c.fresh("t1") })
	if wait := time.Since(*refused.Load()); wait < time.Second {
		t.Errorf("came back after %v", wait)
	}
}

func TestDialFailsForGood(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	var refused *client.RefusedError
	if _, err := client.Dial(t.Context(), fast(s)); !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
		t.Errorf("dial: %v", err)
	}
	if _, err := client.Dial(t.Context(), client.Config{Source: "phone"}); err == nil {
		t.Error("dial without URL and role succeeds")
	}
}

func TestGoAwayMovesWithoutAGap(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, old := dial(t, s, fast(s), func(c *conn) { c.fresh("t1") })
	next[client.Session](t, c)
	old.write(`{"info":"goAway","reconnectInMs":1,"reason":"drain"}`)
	conn := s.next(t)
	old.data("7-0") // the old connection still works
	if e := next[client.GoAway](t, c); e.Reason != "drain" {
		t.Errorf("go away %+v", e)
	}
	if d := next[client.Data](t, c); d.ID != "7-0" {
		t.Errorf("data %+v", d)
	}
	conn.resumed("t2")
	old.readEnd()
	if e := next[client.Session](t, c); !e.Resumed {
		t.Errorf("session %+v", e)
	}
	conn.wantAck("7-0")
}

func TestFencedByItsOwnMove(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, old := dial(t, s, fast(s), func(c *conn) { c.fresh("t1") })
	next[client.Session](t, c)
	old.write(`{"info":"goAway","reconnectInMs":1,"reason":"rotate"}`)
	conn := s.next(t)
	next[client.GoAway](t, c)
	old.close(4001, "resumed elsewhere") // by conn, before its session frame has come
	conn.resumed("t2")
	if e := next[client.Session](t, c); !e.Resumed {
		t.Errorf("session %+v", e)
	}
}

func TestSilentConnectionIsLeft(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	cfg := fast(s)
	cfg.Silence = 20 * time.Millisecond
	dial(t, s, cfg, func(c *conn) { c.fresh("t1") }) // this connection is never read: no pong comes
	s.next(t).resumed("t2")
}
