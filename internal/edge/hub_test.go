package edge_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/edge"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// patience is how long a test waits for something that must happen.
const patience = 10 * time.Second

// testHub records its calls and echoes messages.
type testHub struct {
	notReady atomic.Pointer[error]
	opened   chan *testSession
	quiet    bool                              // do not echo
	onOpen   func(*testSession)                // instead of nothing
	onFrame  func(s *testSession, text []byte) // instead of echoing
	onClosed func(*testSession)                // on the loop
	mu       sync.Mutex
	all      []*testSession
}

func newHub() *testHub { return &testHub{opened: make(chan *testSession, 1<<14)} }

func (*testHub) Peers(done func([]string, error)) { go done([]string{"ada"}, nil) }

func (h *testHub) Ready(wire.RoomID) error {
	if err := h.notReady.Load(); err != nil {
		return *err
	}
	return nil
}

func (h *testHub) Open(conn signaling.Conn, connect wire.Connect, offer wire.Offer) edge.Session {
	s := &testSession{hub: h, conn: conn, connect: connect, offer: offer, ended: make(chan signaling.Closure, 2)}
	h.mu.Lock()
	h.all = append(h.all, s)
	h.mu.Unlock()
	if h.onOpen != nil {
		h.onOpen(s)
	}
	h.opened <- s
	return s
}

func (h *testHub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.all)
}

type testSession struct {
	hub     *testHub
	conn    signaling.Conn
	connect wire.Connect
	offer   wire.Offer
	ended   chan signaling.Closure

	mu       sync.Mutex
	messages []string
	pongs    []string
	closed   int
}

func (s *testSession) Message(payload []byte) {
	s.mu.Lock()
	s.messages = append(s.messages, string(payload))
	s.mu.Unlock()
	if s.hub.onFrame != nil {
		s.hub.onFrame(s, payload)
	} else if !s.hub.quiet {
		s.conn.Send(payload)
	}
}

func (s *testSession) Pong(data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pongs = append(s.pongs, string(data))
}

func (s *testSession) Closed(end signaling.Closure) {
	s.mu.Lock()
	s.closed++
	s.mu.Unlock()
	if s.hub.onClosed != nil {
		s.hub.onClosed(s)
	}
	s.ended <- end
}

func (s *testSession) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.messages...)
}

func (s *testSession) pongsGot() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.pongs...)
}

// end waits for Closed.
func (s *testSession) end(t testing.TB) signaling.Closure {
	t.Helper()
	select {
	case end := <-s.ended:
		return end
	case <-time.After(patience):
		t.Fatal("session was not closed")
		return signaling.Closure{}
	}
}

// session waits for the next Open.
func (h *testHub) session(t testing.TB) *testSession {
	t.Helper()
	select {
	case s := <-h.opened:
		return s
	case <-time.After(patience):
		t.Fatal("no session was opened")
		return nil
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("timed out: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
