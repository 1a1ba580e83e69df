package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/internal/turntest"
	"github.com/rejoin-dev/rejoin/tools/verify/faultproxy"
)

// patience bounds a whole test; it does not assert speed.
const patience = time.Minute

// stage is where a test's two peers meet: the extension on x, the wallet on y through a proxy, and back to x.
type stage struct {
	t     *testing.T
	ctx   context.Context
	x, y  *proctest.Process
	proxy *faultproxy.Proxy
	room  string
}

func newStage(t *testing.T, settings ...string) *stage {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	settings = append(settings, "REDIS_URL="+redistest.Server(t))
	s := &stage{t: t, ctx: ctx, x: proctest.Start(t, settings...), y: proctest.Start(t, settings...)}
	proxy, err := faultproxy.Listen(s.y.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	var room [32]byte
	_, _ = rand.Read(room[:])
	s.proxy, s.room = proxy, hex.EncodeToString(room[:])
	return s
}

// wallet dials through the proxy, and X when that fails.
func (s *stage) wallet() *client.Client {
	return s.dial(client.Config{URLs: []string{"ws://" + s.proxy.Addr(), s.x.URL()}, Source: client.Wallet, Silence: 2 * time.Second})
}

func (s *stage) extension() *client.Client {
	return s.dial(client.Config{URL: s.x.URL(), Source: client.Extension})
}

func (s *stage) dial(cfg client.Config) *client.Client {
	s.t.Helper()
	cfg.Room, cfg.Backoff = s.room, client.Backoff{Min: 20 * time.Millisecond, Max: 500 * time.Millisecond}
	for {
		c, err := client.Dial(s.ctx, cfg)
		var refused *client.RefusedError
		if errors.As(err, &refused) && refused.Status == http.StatusServiceUnavailable { // a busy machine: rule P2.7
			select {
			case <-time.After(refused.RetryAfter):
				continue
			case <-s.ctx.Done():
			}
		}
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(c.Abort)
		return c
	}
}

// run runs a peer until the end of the test.
func (s *stage) run(p *peer) {
	ctx, cancel := context.WithCancel(s.ctx)
	done := make(chan error, 1)
	go func() { done <- p.run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			s.t.Errorf("peer ended: %v", err)
		}
	})
}

// call runs a peer that calls, and returns the channel when it has said something through it and heard the echo.
func (s *stage) call(p *peer) *webrtc.DataChannel {
	s.t.Helper()
	const text = "through it all"
	heard := make(chan *webrtc.DataChannel, 1)
	p.call = true
	p.opened = func(channel *webrtc.DataChannel) { p.say(channel, text) }
	p.heard = func(channel *webrtc.DataChannel, m webrtc.DataChannelMessage) {
		if string(m.Data) != text {
			s.t.Errorf("heard %q", m.Data)
		}
		heard <- channel
	}
	s.run(p)
	select {
	case channel := <-heard:
		return channel
	case <-s.ctx.Done():
		s.t.Fatal("no echo came through a channel")
		return nil
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// resumes counts the sessions that went on, and fails if one had to begin anew.
type resumes struct {
	mu    sync.Mutex
	count int
}

func (r *resumes) see(t *testing.T, ev client.Event) {
	if s, ok := ev.(client.Session); ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		if s.Resumed {
			r.count++
		} else if s.Reason != "" {
			t.Errorf("not resumed: %s", s.Reason)
		}
	}
}

func (r *resumes) once(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count == 0 {
		t.Error("nobody had to resume")
	}
}

// TestChannelOpensThoughTheWalletIsCutOff: the extension calls on X, the wallet answers on Y and is cut off silently in the
// middle of it; it comes back to X and the channel opens.
func TestChannelOpensThoughTheWalletIsCutOff(t *testing.T) {
	t.Parallel()
	t.Run("before the offer comes", func(t *testing.T) {
		t.Parallel()
		s, r := newStage(t), &resumes{}
		answering := newPeer(s.wallet(), newAPI(true), quiet())
		answering.seen = func(ev client.Event) { r.see(t, ev) }
		s.run(answering)
		s.proxy.Silence()
		s.negotiate()
		r.once(t)
	})
	t.Run("before the answer leaves", func(t *testing.T) {
		t.Parallel()
		s, r := newStage(t), &resumes{}
		answering := newPeer(s.wallet(), newAPI(true), quiet())
		cut := sync.OnceFunc(s.proxy.Silence)
		answering.seen = func(ev client.Event) {
			r.see(t, ev)
			if d, ok := ev.(client.Data); ok && d.Method == "offer" {
				cut()
			}
		}
		s.run(answering)
		s.negotiate()
		r.once(t)
	})
}

// negotiate lets the extension call.
func (s *stage) negotiate() {
	s.t.Helper()
	s.call(newPeer(s.extension(), newAPI(true), quiet()))
}

// TestCallerBeginsAnew: a caller that lost everything, as a page that was opened again, gets an answer on a new connection.
func TestCallerBeginsAnew(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.run(newPeer(s.wallet(), newAPI(true), quiet()))
	for range 2 {
		s.negotiate()
	}
}

// TestICEServersOfTheServerAreUsed: with nothing but relay candidates allowed, the channel opens through a real coturn, with
// credentials that came in the session. R24.
func TestICEServersOfTheServerAreUsed(t *testing.T) {
	t.Parallel()
	coturn := turntest.Start(t, turntest.Loopback()...)
	s := newStage(t, "TURN_URLS="+coturn.URLs()[0], "TURN_SECRET="+coturn.Secret)
	answering, calling := newPeer(s.wallet(), newAPI(true), quiet()), newPeer(s.extension(), newAPI(true), quiet())
	for _, p := range []*peer{answering, calling} {
		p.policy = webrtc.ICETransportPolicyRelay
	}
	s.run(answering)
	pair, err := s.call(calling).Transport().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil {
		t.Fatalf("no candidate pair: %v", err)
	}
	if pair.Local.Typ != webrtc.ICECandidateTypeRelay || pair.Remote.Typ != webrtc.ICECandidateTypeRelay {
		t.Errorf("connected by %s", pair)
	}
}
