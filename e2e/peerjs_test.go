package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// peerJS is a WebSocket that speaks as npm peerjs does. It answers pings while it reads, and it always reads.
type peerJS struct {
	*websocket.Conn
	t      *testing.T
	ctx    context.Context
	id     string
	frames chan string
	closed chan error // why reading ended
}

const peerJSOpen = `{"type":"OPEN"}`

// dialPeerJS connects to addr for a target like /peerjs?….
func dialPeerJS(ctx context.Context, t *testing.T, addr, target string) *peerJS {
	t.Helper()
	c, _, err := websocket.Dial(ctx, "ws://"+addr+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadLimit(2 << 20)
	p := &peerJS{Conn: c, t: t, ctx: ctx, frames: make(chan string, 1<<12), closed: make(chan error, 1)}
	go func() {
		for {
			_, text, err := c.Read(ctx)
			if err != nil {
				p.closed <- err
				return
			}
			p.frames <- string(text)
		}
	}()
	t.Cleanup(func() { _ = c.CloseNow() })
	return p
}

// becomes connects a client that gets its id.
func becomes(ctx context.Context, t *testing.T, addr, id, token string) *peerJS {
	t.Helper()
	q := url.Values{"key": {"peerjs"}, "id": {id}, "token": {token}, "version": {"1.5.5"}}
	p := dialPeerJS(ctx, t, addr, "/peerjs?"+q.Encode())
	p.id = id
	p.hears(peerJSOpen)
	return p
}

// again is becomes for as long as it takes: the instance, or Redis, may be on its way back.
func again(ctx context.Context, t *testing.T, addr, id, token string) *peerJS {
	t.Helper()
	for ctx.Err() == nil {
		q := url.Values{"key": {"peerjs"}, "id": {id}, "token": {token}}
		c, _, err := websocket.Dial(ctx, "ws://"+addr+"/peerjs?"+q.Encode(), nil)
		if err == nil {
			_, text, err := c.Read(ctx)
			_ = c.CloseNow()
			if err == nil && string(text) == peerJSOpen {
				break
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	return becomes(ctx, t, addr, id, token)
}

func (p *peerJS) says(text string) {
	p.t.Helper()
	if err := p.Write(p.ctx, websocket.MessageText, []byte(text)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peerJS) tells(kind string, to *peerJS, n int) {
	p.t.Helper()
	p.says(fmt.Sprintf(`{"type":%q,"payload":{"connectionId":"dc_%d"},"dst":%q}`, kind, n, to.id))
}

// next waits for a frame.
func (p *peerJS) next() string {
	p.t.Helper()
	select {
	case f := <-p.frames:
		return f
	case <-p.ctx.Done():
		p.t.Fatal("no further frame")
		return ""
	}
}

// hears waits for frames that mean the same as these, in this order.
func (p *peerJS) hears(want ...string) {
	p.t.Helper()
	for _, w := range want {
		if got := p.next(); !sameJSON(got, w) {
			p.t.Fatalf("%s heard %s, want %s", p.id, got, w)
		}
	}
}

// quiet checks that nothing has come that was not waited for.
func (p *peerJS) quiet() {
	p.t.Helper()
	select {
	case f := <-p.frames:
		p.t.Fatalf("%s heard %s as well", p.id, f)
	default:
	}
}

// lost waits for the end of the connection.
func (p *peerJS) lost() error {
	p.t.Helper()
	select {
	case err := <-p.closed:
		return err
	case <-p.ctx.Done():
		p.t.Fatal("the connection does not end")
		return nil
	}
}

func heard(kind string, from, to *peerJS, n int) string {
	return fmt.Sprintf(`{"type":%q,"src":%q,"dst":%q,"payload":{"connectionId":"dc_%d"}}`, kind, from.id, to.id, n)
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// peerServers starts two instances for PeerJS clients on each kind of Redis, and one on the embedded one.
func peerServers(t *testing.T, test func(ctx context.Context, t *testing.T, x, y *proctest.Process), settings ...string) {
	t.Helper()
	t.Parallel()
	for name, redis := range map[string]func(testing.TB) string{"embedded": nil, "redis": redistest.Server, "cluster": redistest.Cluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := limit(t)
			settings := append([]string{"PEERJS_PATH=/"}, settings...)
			if redis == nil {
				x := proctest.Start(t, settings...)
				test(ctx, t, x, x)
				return
			}
			settings = append(settings, "REDIS_URL="+redis(t))
			test(ctx, t, proctest.Start(t, settings...), proctest.Start(t, settings...))
		})
	}
}

// unique makes ids of a test its own: the servers share their Redis.
func unique(name string) string { return name + "-" + newRoom()[:12] }

// A phone in a lift: the other side hears nothing of it, and what it sent meanwhile arrives once, in order, at whichever instance the phone
// comes back to.
func TestPeerJSReconnects(t *testing.T) {
	peerServers(t, func(ctx context.Context, t *testing.T, x, y *proctest.Process) {
		a, b := becomes(ctx, t, x.Addr(), unique("a"), "ta"), becomes(ctx, t, y.Addr(), unique("b"), "tb")
		for round, at := range []string{y.Addr(), x.Addr(), y.Addr()} {
			_ = a.CloseNow() // no close frame
			_ = a.lost()
			b.tells("OFFER", a, round)
			for n := range 50 {
				b.tells("CANDIDATE", a, 100*round+n)
			}
			a = becomes(ctx, t, at, a.id, "ta")
			// What had arrived when the connection was cut comes again if its pong had not: candidates, of which the last were a moment ago. An OFFER does not.
			again := a.next()
			for n := range 50 {
				if round > 0 && sameJSON(again, heard("CANDIDATE", b, a, 100*(round-1)+n)) {
					again = a.next()
				}
			}
			if !sameJSON(again, heard("OFFER", b, a, round)) {
				t.Fatalf("round %d begins with %s", round, again)
			}
			for n := range 50 {
				a.hears(heard("CANDIDATE", b, a, 100*round+n))
			}
			a.tells("ANSWER", b, round)
			b.hears(heard("ANSWER", a, b, round))
		}
		a.quiet()
		b.quiet()
	}, "RATE_LIMIT_MESSAGES=0")
}

// Messages of 200 KiB: PeerServer takes 100 MiB, and a session description with many tracks is larger than 64 KiB.
func TestPeerJSTakesLargeMessages(t *testing.T) {
	peerServers(t, func(ctx context.Context, t *testing.T, x, y *proctest.Process) {
		a, b := becomes(ctx, t, x.Addr(), unique("a"), "ta"), becomes(ctx, t, y.Addr(), unique("b"), "tb")
		sdp := strings.Repeat("m", 200<<10)
		a.says(fmt.Sprintf(`{"type":"OFFER","payload":{"sdp":%q},"dst":%q}`, sdp, b.id))
		b.hears(fmt.Sprintf(`{"type":"OFFER","src":%q,"dst":%q,"payload":{"sdp":%q}}`, a.id, b.id, sdp))
		_ = b.Write(ctx, websocket.MessageText, []byte(`"`+strings.Repeat("m", 256<<10)+`"`))
		if code := websocket.CloseStatus(b.lost()); code != websocket.StatusMessageTooBig {
			t.Errorf("closed with %d", code)
		}
	})
}

// TestPeerJSOutlivesInstances: an instance is killed, another one drained; their clients come back to the one that is left, and get what they
// missed. No side hears that the other cannot be reached.
func TestPeerJSOutlivesInstances(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"redis": redistest.Server, "cluster": redistest.Cluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := limit(t)
			settings := []string{"PEERJS_PATH=/", "REDIS_URL=" + url(t), "DRAIN_TIMEOUT=2s"}
			x, y, z := proctest.Start(t, settings...), proctest.Start(t, settings...), proctest.Start(t, settings...)
			a, b, c := becomes(ctx, t, x.Addr(), unique("a"), "ta"), becomes(ctx, t, y.Addr(), unique("b"), "tb"), becomes(ctx, t, z.Addr(), unique("c"), "tc")
			x.Kill()
			_ = a.lost()
			y.Terminate()
			_ = b.lost()
			for _, away := range []*peerJS{a, b} {
				c.tells("OFFER", away, 1)
				c.tells("CANDIDATE", away, 1)
			}
			for _, away := range []*peerJS{a, b} {
				back := becomes(ctx, t, z.Addr(), away.id, map[*peerJS]string{a: "ta", b: "tb"}[away])
				back.hears(heard("OFFER", c, back, 1), heard("CANDIDATE", c, back, 1))
				back.tells("ANSWER", c, 1)
				c.hears(heard("ANSWER", back, c, 1))
				back.quiet()
			}
			c.quiet()
			if err := y.Wait(ctx); err != nil {
				t.Errorf("the drained process ended with %v", err)
			}
		})
	}
}

// An id whose instance was killed is free at once: another token gets it as soon as no doorbell is heard there.
func TestPeerJSHasNoGhosts(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	settings := []string{"PEERJS_PATH=/", "REDIS_URL=" + redistest.Server(t)}
	x, y := proctest.Start(t, settings...), proctest.Start(t, settings...)
	a := becomes(ctx, t, x.Addr(), unique("a"), "t1")
	x.Kill()
	again(ctx, t, y.Addr(), a.id, "t2")
}

// TestPeerJSOutlivesRedis: Redis restarts without its data. Sockets stay open, ids stay their clients', and messages flow again.
func TestPeerJSOutlivesRedis(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	redis := redistest.NewServer(t)
	settings := []string{"PEERJS_PATH=/", "REDIS_URL=" + redis.URL()}
	x, y := proctest.Start(t, settings...), proctest.Start(t, settings...)
	a, b := becomes(ctx, t, x.Addr(), unique("a"), "ta"), becomes(ctx, t, y.Addr(), unique("b"), "tb")
	redis.Kill()
	redis.Start()
	for _, p := range []*proctest.Process{x, y} {
		p.Awake(ctx)
		for p.Metric("rejoin_restores_total") == 0 {
			if ctx.Err() != nil {
				t.Fatal("the session is not restored")
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	a.tells("OFFER", b, 1)
	b.hears(heard("OFFER", a, b, 1))
	b.tells("ANSWER", a, 1)
	a.hears(heard("ANSWER", b, a, 1))
	other := dialPeerJS(ctx, t, y.Addr(), "/peerjs?key=peerjs&token=other&id="+a.id)
	other.hears(`{"type":"ID-TAKEN","payload":{"msg":"ID is taken"}}`)
	_ = other.lost()
	a.quiet()
	b.quiet()
}

// With AUTH=all the option token of PeerJS is a JWT, for its id. A page is told in the words of PeerServer.
func TestPeerJSTokens(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	x := proctest.Start(t, append(guarded(t), "PEERJS_PATH=/")...)
	for name, c := range map[string]struct {
		room any
		good bool
	}{
		"its id":              {"peerjs:ada", true},
		"one of its ids":      {[]string{"lobby", "peerjs:ada"}, true},
		"any id":              {"peerjs:*", true},
		"anything":            {"*", true},
		"another id":          {"peerjs:bob", false},
		"a room of that name": {"ada", false},
	} {
		p := dialPeerJS(ctx, t, x.Addr(), "/peerjs?key=peerjs&id=ada&token="+mint("room", c.room))
		if c.good {
			p.hears(peerJSOpen)
			_ = p.Close(websocket.StatusNormalClosure, "")
			continue
		}
		p.hears(`{"type":"ERROR","payload":{"msg":"Invalid token provided"}}`)
		if err := p.lost(); err == nil {
			t.Errorf("%s: stays open", name)
		}
	}
	p := dialPeerJS(ctx, t, x.Addr(), "/peerjs?key=peerjs&id=ada&token=0123456789ab") // PeerJS' own
	p.hears(`{"type":"ERROR","payload":{"msg":"Invalid token provided"}}`)
	if log := x.Log(); strings.Contains(log, "eyJ") {
		t.Error("the log has a token")
	}

	// A fresh token of the same user gets what waits for the session.
	a := dialPeerJS(ctx, t, x.Addr(), "/peerjs?key=peerjs&id=ada&token="+mint("room", "peerjs:ada"))
	a.hears(peerJSOpen)
	b := dialPeerJS(ctx, t, x.Addr(), "/peerjs?key=peerjs&id=bob&token="+mint("room", "peerjs:bob", "sub", "bob"))
	b.hears(peerJSOpen)
	a.id, b.id = "ada", "bob"
	_ = a.CloseNow()
	_ = a.lost()
	b.tells("OFFER", a, 1)
	a = dialPeerJS(ctx, t, x.Addr(), "/peerjs?key=peerjs&id=ada&token="+mint("room", "peerjs:ada", "jti", "fresh"))
	a.id = "ada"
	a.hears(peerJSOpen, heard("OFFER", b, a, 1))

	// The operator sees it by its id, and removes it.
	if status, body := operate(ctx, t, x, "GET", "/v1/rooms/peerjs:ada", ""); status != 200 || !strings.Contains(body, `"dialect":"peerjs"`) {
		t.Errorf("look: %d %s", status, body)
	}
	if status, body := operate(ctx, t, x, "DELETE", "/v1/rooms/peerjs:ada", ""); status != 200 || !strings.Contains(body, `"removed":1`) {
		t.Errorf("remove: %d %s", status, body)
	}
	if code := websocket.CloseStatus(a.lost()); code != 4004 {
		t.Errorf("closed with %d", code)
	}
}

func get(ctx context.Context, t *testing.T, method, url string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "http://app.localhost")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	return res, string(body)
}

// The list of ids is of all instances, and of those that are connected.
func TestPeerJSDiscovery(t *testing.T) {
	peerServers(t, func(ctx context.Context, t *testing.T, x, y *proctest.Process) {
		a, b := becomes(ctx, t, x.Addr(), unique("a"), "ta"), becomes(ctx, t, y.Addr(), unique("b"), "tb")
		listed := func(want ...*peerJS) bool {
			res, body := get(ctx, t, http.MethodGet, "http://"+y.Addr()+"/peerjs/peers")
			var ids []string
			if res.StatusCode != http.StatusOK || json.Unmarshal([]byte(body), &ids) != nil {
				t.Fatalf("%s: %s", res.Status, body)
			}
			for _, p := range []*peerJS{a, b} {
				if slices.Contains(ids, p.id) != slices.Contains(want, p) {
					return false
				}
			}
			return true
		}
		eventually := func(what string, want ...*peerJS) {
			t.Helper()
			for !listed(want...) {
				if ctx.Err() != nil {
					t.Fatal(what)
				}
			}
		}
		eventually("both are listed", a, b)
		_ = a.Close(websocket.StatusNormalClosure, "")
		eventually("one has left", b)
		_ = b.CloseNow()
		eventually("the other was lost")
	}, "PEERJS_DISCOVERY=true")
}

// TestPeerJSTraces follows a message from a PeerJS client to another one at another instance, and one that waits, as TestTraces does.
func TestPeerJSTraces(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	redis, c := redistest.NewServer(t).URL(), newCollector(t)
	x := proctest.Start(t, append(c.settings("X", redis), "PEERJS_PATH=/")...)
	y := proctest.Start(t, append(c.settings("Y", redis), "PEERJS_PATH=/")...)
	a, b := becomes(ctx, t, x.Addr(), unique("ada"), "ta-secret"), becomes(ctx, t, y.Addr(), unique("bob"), "tb-secret")
	named := func(name, instance string) func(span) bool {
		return func(s span) bool { return s.GetName() == name && s.instance == instance }
	}
	connects := c.await(ctx, "Bob's connection", named("connect", "Y"))
	sent := func(kind string) span {
		return c.await(ctx, "the "+kind, func(s span) bool { return s.GetName() == "send" && s.attr("rejoin.message.kind") == kind })
	}
	a.tells("OFFER", b, 1)
	b.hears(heard("OFFER", a, b, 1))
	offer := sent("OFFER")
	deliver := c.await(ctx, "its delivery", child(offer))
	if offer.instance != "X" || offer.attr("rejoin.message.outcome") != "stored" || !linked(offer, c.await(ctx, "Ada's connection", named("connect", "X"))) {
		t.Errorf("the offer: %v", offer)
	}
	if !named("deliver", "Y")(deliver) || !linked(deliver, connects) || deliver.attr("rejoin.session") != connects.attr("rejoin.session") {
		t.Errorf("its delivery: %v", deliver)
	}

	_ = b.CloseNow()
	_ = b.lost()
	a.tells("CANDIDATE", b, 2)
	back := becomes(ctx, t, x.Addr(), b.id, "tb-secret")
	back.hears(heard("CANDIDATE", a, b, 2))
	again := c.await(ctx, "the connection after", func(s span) bool { return s.GetName() == "connect" && s.attr("rejoin.result") == "resumed" })
	if again.instance != "X" || !linked(again, connects) {
		t.Errorf("the connection after: %v", again)
	}
	of, at := child(sent("CANDIDATE")), named("deliver", "X")
	replay := c.await(ctx, "the delivery of what waited", func(s span) bool { return of(s) && at(s) }) // Y may have written it to the dead socket before
	if !linked(replay, again) {
		t.Errorf("the delivery of what waited: %v", replay)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, secret := range []string{a.id, b.id, "ta-secret", "tb-secret", "dc_"} {
		if bytes.Contains(c.raw.Bytes(), []byte(secret)) {
			t.Errorf("a span tells %s", secret)
		}
	}
}
