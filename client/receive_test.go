package client_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rejoin-dev/rejoin/client"
)

func websocketCode(code int) websocket.StatusCode { return websocket.StatusCode(code) }

func TestPeersAreAnnounced(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, conn := dial(t, s, fast(s), func(c *conn) { c.fresh("t1") })
	next[client.Session](t, c)
	for _, info := range []string{"JustConnected", "Suspended", "Resumed"} {
		conn.write(`{"info":"remoteClient%s","remoteClientId":"p"}`, info)
	}
	conn.write(`{"info":"remoteClientDisconnected","remoteClientId":"p","undelivered":["a","b"]}`)
	conn.write(`{"info":"fromTheFuture","ttlSeconds":60}`)
	if e := next[client.PeerConnected](t, c); e.ID != "p" {
		t.Errorf("%+v", e)
	}
	next[client.PeerSuspended](t, c)
	next[client.PeerResumed](t, c)
	if e := next[client.PeerDisconnected](t, c); fmt.Sprint(e.Undelivered) != "[a b]" {
		t.Errorf("%+v", e)
	}
	if e := next[client.Unknown](t, c); e.Info != "fromTheFuture" {
		t.Errorf("%+v", e)
	}
}

func TestICEServersAreHandedOut(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, conn := dial(t, s, fast(s), func(c *conn) { c.fresh("t1") })
	next[client.Session](t, c)
	conn.write(`{"info":"iceServers","iceServers":[{"urls":["stun:h"]},{"urls":["turn:h","turns:h"],"username":"u","credential":"c"}],"ttlSeconds":60}`)
	e := next[client.ICEServers](t, c)
	want := []client.ICEServer{{URLs: []string{"stun:h"}}, {URLs: []string{"turn:h", "turns:h"}, Username: "u", Credential: "c"}}
	if e.TTL != time.Minute || !reflect.DeepEqual(e.Servers, want) {
		t.Errorf("%+v", e)
	}
}

func TestAcknowledgesInBatches(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	cfg := fast(s)
	cfg.AckAfter, cfg.AckEvery = time.Hour, 3
	c, conn := dial(t, s, cfg, func(c *conn) { c.fresh("t1") })
	next[client.Session](t, c)
	for seq := range 7 {
		conn.data(fmt.Sprintf("7-%d", seq))
		next[client.Data](t, c)
		if seq%3 == 2 {
			conn.wantAck(fmt.Sprintf("7-%d", seq))
		}
	}
}

func TestCloseAcknowledgesWhatWasHandled(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	cfg := fast(s)
	cfg.AckAfter = time.Hour
	c, conn := dial(t, s, cfg, func(c *conn) { c.fresh("t1") })
	next[client.Session](t, c)
	conn.data("7-0")
	next[client.Data](t, c)
	done := make(chan error, 1)
	go func() { done <- c.Close(t.Context()) }()
	conn.wantAck("7-0")
	if code := conn.readEnd(); code != websocket.StatusNormalClosure {
		t.Errorf("closed with %d", code)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestNothingIsDroppedWhenTheApplicationIsSlow(t *testing.T) {
	t.Parallel()
	const count = 500
	s := newServer(t, nil)
	cfg := fast(s)
	cfg.Events = 2
	c, conn := dial(t, s, cfg, func(c *conn) { c.fresh("t1") })
	go func() {
		for seq := range count {
			conn.data(fmt.Sprintf("7-%d", seq))
		}
	}()
	// An answer gets through although Next is not called.
	go func() {
		for m := conn.read(); ; m = conn.read() {
			if m.RequestID == "a" {
				conn.confirm("a")
				return
			}
		}
	}()
	if err := settled(t, post(t, c, "a")); err != nil {
		t.Fatal(err)
	}
	next[client.Session](t, c)
	for seq := range count {
		if d := next[client.Data](t, c); d.ID != fmt.Sprintf("7-%d", seq) {
			t.Fatalf("data %s, want 7-%d", d.ID, seq)
		}
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	cfg := fast(s)
	cfg.Plain, cfg.Reconnect = true, true
	c, conn := dial(t, s, cfg, func(*conn) {})
	if len(conn.offer) != 1 || conn.offer[0] != "" {
		t.Errorf("offers %q", conn.offer)
	}
	next[client.Connected](t, c)
	conn.write(`{"info":"remoteClientIsAlreadyConnected","remoteClientId":"p"}`)
	conn.write(`{"info":"remoteData","data":{"requestId":"r","method":"offer","encryptedPayload":"e"},"remoteClientId":"p","requestId":"r"}`)
	next[client.PeerAlreadyConnected](t, c)
	next[client.Data](t, c)
	p := post(t, c, "a")
	conn.wantRequest("a") // and no ack before it
	conn.drop()
	if err := settled(t, p); !errors.Is(err, client.ErrUnconfirmed) {
		t.Errorf("message ended with %v", err)
	}
	next[client.Disconnected](t, c)
	conn = s.next(t)
	next[client.Connected](t, c)
	code := make(chan int, 1)
	go func() { code <- int(conn.readEnd()) }()
	if err := c.Close(t.Context()); err != nil {
		t.Errorf("close: %v", err)
	}
	if got := <-code; got != 1000 {
		t.Errorf("closed with %d, want 1000", got)
	}
	if _, err := c.Next(t.Context()); !errors.Is(err, client.ErrClosed) {
		t.Errorf("next: %v", err)
	}
	if _, err := c.Post(t.Context(), client.Message{}); !errors.Is(err, client.ErrClosed) {
		t.Errorf("post: %v", err)
	}
}

func TestPlainEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	cfg := fast(s)
	cfg.Plain = true
	c, conn := dial(t, s, cfg, func(*conn) {})
	go conn.close(1013, "rate limit hit, slow down")
	if err := end(t, c); !errors.Is(err, client.ErrRateLimited) {
		t.Errorf("ended with %v", err)
	}
}

func TestStoreReplacedNamesWhatIsDoubtful(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, conn := dial(t, s, fast(s), func(c *conn) { c.fresh("t1") })
	next[client.Session](t, c)
	for i := range 70 {
		p := post(t, c, fmt.Sprint(i))
		conn.wantRequest(fmt.Sprint(i))
		conn.confirm(fmt.Sprint(i))
		if err := settled(t, p); err != nil {
			t.Fatal(err)
		}
	}
	p := post(t, c, "refused")
	conn.wantRequest("refused")
	conn.write(`{"info":"mailboxFullError","requestId":"refused"}`)
	if err := settled(t, p); !errors.Is(err, client.ErrMailboxFull) {
		t.Fatal(err)
	}
	conn.write(`{"info":"storeReplaced","agoMs":10}`)
	if d := next[client.StoreReplaced](t, c).Doubtful; len(d) != 64 || d[0] != "6" || d[63] != "69" {
		t.Errorf("doubtful: %v, want the last 64 that were confirmed", d)
	}
	conn.write(`{"info":"storeReplaced","agoMs":-3600000}`) // all that is before the ten seconds
	if d := next[client.StoreReplaced](t, c).Doubtful; len(d) != 0 {
		t.Errorf("doubtful: %v, want none", d)
	}
}
