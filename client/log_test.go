package client_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
)

// stuck is a handler that does not return while it is held, as a full pipe would not.
type stuck struct {
	slog.Handler
	entered chan struct{}
	once    *sync.Once
	release chan struct{}
}

func (h stuck) Handle(ctx context.Context, r slog.Record) error {
	h.once.Do(func() { close(h.entered) })
	<-h.release
	return h.Handler.Handle(ctx, r)
}

func TestALogThatBlocksStopsNothing(t *testing.T) {
	t.Parallel()
	var out lockedBuffer
	h := stuck{slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}), make(chan struct{}), new(sync.Once), make(chan struct{})}
	s := newServer(t, nil)
	cfg := fast(s)
	cfg.Logger = slog.New(h)
	c, conn := dial(t, s, cfg, func(c *conn) { c.fresh("t1") })
	conn.drop()
	conn = s.next(t)
	<-h.entered
	const drops = 100 // more than lines may wait
	for range drops {
		conn.drop()
		conn = s.next(t)
	}
	conn.resumed("t2")
	p := post(t, c, "a")
	conn.wantAck("0-0")
	conn.wantRequest("a")
	conn.confirm("a")
	if err := settled(t, p); err != nil {
		t.Error(err)
	}
	code := make(chan int, 1)
	go func() { code <- int(conn.readEnd()) }()
	if err := c.Close(t.Context()); err != nil {
		t.Errorf("close: %v", err)
	}
	if got := <-code; got != 1000 {
		t.Errorf("closed with %d, want 1000", got)
	}
	close(h.release)
	until(t, "the log says that lines were dropped", func() bool { return strings.Contains(out.String(), "lines_dropped=") })
}

type panicking struct{ slog.Handler }

func (panicking) Handle(context.Context, slog.Record) error { panic("no log today") }

func TestALogThatPanicsStopsNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	cfg := fast(s)
	cfg.Logger = slog.New(panicking{slog.NewTextHandler(new(lockedBuffer), &slog.HandlerOptions{Level: slog.LevelDebug})})
	c, conn := dial(t, s, cfg, func(c *conn) { c.fresh("t1") })
	next[client.Session](t, c)
	conn.drop()
	s.next(t).resumed("t2")
	next[client.Disconnected](t, c)
	next[client.Session](t, c)
}

// A room is a secret of its two sides, and a token one of its session. What the network says of a failed attempt names the URL.
func TestTheLogAndErrorsKeepSecrets(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	var out lockedBuffer
	cfg := fast(s)
	cfg.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg.Resume = &client.Position{Token: "top-secret"}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.URLs = []string{"ws://" + l.Addr().String()} // refuses connections
	_ = l.Close()
	c, conn := dial(t, s, cfg, takeUp)
	next[client.Session](t, c)
	conn.drop()
	s.next(t).resumed("t2")
	dropped := next[client.Disconnected](t, c)
	next[client.Session](t, c)
	c.Abort()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	cfg.URL = ""
	_, err = client.Dial(ctx, cfg)
	for _, text := range []string{out.String(), err.Error(), dropped.Err.Error()} {
		if strings.Contains(text, room) || strings.Contains(text, "top-secret") {
			t.Errorf("a secret in %q", text)
		}
	}
	if !strings.Contains(out.String(), "connection refused") {
		t.Errorf("the log does not say what failed: %q", out.String())
	}
}

// lockedBuffer may be written to by a client that is still ending.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
