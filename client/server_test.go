package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rejoin-dev/rejoin/client"
)

// patience is how long a test waits for something that must happen.
const patience = 20 * time.Second

const room = "00000000000000000000000000000000000000000000000000000000000000aa"

// server is a signaling server that does what the test says: each upgrade it accepts waits for the test to take it.
type server struct {
	*httptest.Server
	conns chan *conn
	stop  context.CancelFunc

	refuse  atomic.Bool // with 503 and a long Retry-After
	refused atomic.Int32
}

type conn struct {
	t     *testing.T
	ws    *websocket.Conn
	offer []string // subprotocols
	query string
	done  chan struct{}
}

// newServer starts a server. before, when not nil, may answer a request itself; it returns true then.
func newServer(t *testing.T, before func(http.ResponseWriter, *http.Request) bool) *server {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	s := &server{conns: make(chan *conn, 16), stop: stop}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before != nil && before(w, r) {
			return
		}
		if s.refuse.Load() {
			s.refused.Add(1)
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"rejoin.v1"}})
		if err != nil {
			return
		}
		c := &conn{t: t, ws: ws, query: r.URL.Path + "?" + r.URL.RawQuery, done: make(chan struct{})}
		for _, p := range strings.Split(r.Header.Get("Sec-WebSocket-Protocol"), ",") {
			c.offer = append(c.offer, strings.TrimSpace(p))
		}
		s.conns <- c
		select {
		case <-c.done:
		case <-ctx.Done():
		}
		_ = ws.CloseNow()
	}))
	t.Cleanup(func() { stop(); s.Close() })
	return s
}

func (s *server) url() string { return "ws" + strings.TrimPrefix(s.URL, "http") }

// next is the next connection.
func (s *server) next(t *testing.T) *conn {
	t.Helper()
	select {
	case c := <-s.conns:
		return c
	case <-time.After(patience):
		t.Fatal("no connection came")
		return nil
	}
}

func (c *conn) write(format string, args ...any) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	if err := c.ws.Write(ctx, websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		c.t.Fatalf("server write: %v", err)
	}
}

// fresh opens a fresh session, resumed one that goes on.
func (c *conn) fresh(token string) {
	c.t.Helper()
	c.write(`{"info":"session","clientId":"me","resumeToken":%q,"resumed":false,"peers":[],"graceMs":60000,"pingMs":25000,"maxMessageBytes":65536}`, token)
}

func (c *conn) resumed(token string) {
	c.t.Helper()
	c.write(`{"info":"session","clientId":"me","resumeToken":%q,"resumed":true,"replay":0,"superseded":0,"peers":[{"remoteClientId":"p","state":"suspended"}],`+
		`"undelivered":[{"remoteClientId":"q","requestIds":["u"]}],"graceMs":60000,"pingMs":25000,"maxMessageBytes":65536}`, token)
}

func (c *conn) data(id string) {
	c.t.Helper()
	c.write(`{"info":"remoteData","data":{"requestId":"r","method":"offer","encryptedPayload":"e"},"remoteClientId":"p","requestId":"r","id":%q}`, id)
}

func (c *conn) confirm(requestID string) {
	c.t.Helper()
	c.write(`{"info":"confirmation","requestId":%q}`, requestID)
}

// sent is a message from the client.
type sent struct {
	Method    string `json:"method"`
	ID        string `json:"id"`
	RequestID string `json:"requestId"`
	Target    string `json:"targetClientId"`
	Payload   string `json:"encryptedPayload"`
	StartAt   int    `json:"startAt"`
	binary    bool
}

func (c *conn) read() sent {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	kind, raw, err := c.ws.Read(ctx)
	if err != nil {
		c.t.Fatalf("server read: %v", err)
	}
	s := sent{binary: kind == websocket.MessageBinary}
	if err := json.Unmarshal(raw, &s); err != nil {
		c.t.Fatalf("server read %q: %v", raw, err)
	}
	return s
}

func (c *conn) wantAck(id string) {
	c.t.Helper()
	if m := c.read(); m.Method != "ack" || m.ID != id {
		c.t.Fatalf("server got %+v, want ack of %s", m, id)
	}
}

func (c *conn) wantRequest(id string) {
	c.t.Helper()
	if m := c.read(); m.RequestID != id {
		c.t.Fatalf("server got %+v, want request %s", m, id)
	}
}

// readEnd reads until the connection ends and returns the close code, -1 without a close frame.
func (c *conn) readEnd() websocket.StatusCode {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	for {
		if _, _, err := c.ws.Read(ctx); err != nil {
			if ctx.Err() != nil {
				c.t.Fatal("connection does not end")
			}
			return websocket.CloseStatus(err)
		}
	}
}

// drop ends the connection without a close frame.
func (c *conn) drop() { close(c.done) }

func (c *conn) close(code websocket.StatusCode, reason string) {
	_ = c.ws.Close(code, reason)
	c.drop()
}

// fast is a configuration that does not wait.
func fast(s *server) client.Config {
	return client.Config{
		URL: s.url(), Room: room, Source: client.Extension,
		Backoff: client.Backoff{Min: time.Millisecond, Max: 5 * time.Millisecond}, AckAfter: time.Millisecond,
	}
}

// dial connects while open, in the server's role, does what it has to.
func dial(t *testing.T, s *server, cfg client.Config, open func(*conn)) (*client.Client, *conn) {
	t.Helper()
	first := make(chan *conn, 1)
	go func() {
		c := s.next(t)
		open(c)
		first <- c
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cl, err := client.Dial(ctx, cfg)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(cl.Abort)
	return cl, <-first
}

// next returns the next event, which must be of type E.
func next[E client.Event](t *testing.T, c *client.Client) E {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	e, err := c.Next(ctx)
	if err != nil {
		t.Fatalf("next: %v", err)
	}
	typed, ok := e.(E)
	if !ok {
		t.Fatalf("next event %T %+v, want %T", e, e, typed)
	}
	return typed
}

// end reads events until the client ends.
func end(t *testing.T, c *client.Client) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		if _, err := c.Next(ctx); err != nil {
			return err
		}
	}
}

func post(t *testing.T, c *client.Client, requestID string) *client.Pending {
	t.Helper()
	p, err := c.Post(t.Context(), client.Message{RequestID: requestID, Method: "offer", Target: "p", EncryptedPayload: "e"})
	if err != nil {
		t.Fatalf("post: %v", err)
	}
	return p
}

func settled(t *testing.T, p *client.Pending) error {
	t.Helper()
	select {
	case <-p.Done():
		return p.Err()
	case <-time.After(patience):
		t.Fatalf("no answer to %s", p.RequestID)
		return nil
	}
}
