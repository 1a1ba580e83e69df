package redistest

import (
	"context"
	"sync"
	"syscall"
	"testing"
)

// Standalone is a redis-server that belongs to one test. Its methods return when what they do is
// done; they may be called from any goroutine, one waits for the other. Those that can fail
// end the test, so they have to be called from the test's own goroutine: Start, Pause, Resume.
type Standalone struct {
	tb testing.TB

	mu       sync.Mutex
	instance *instance // guarded by mu
}

// NewServer starts a redis-server for this test alone and ends it with the test. args are added
// to its command line, for instance "--maxmemory", "4mb". It takes about 20 ms.
func NewServer(tb testing.TB, args ...string) *Standalone {
	tb.Helper()
	binary := lookUp(tb)
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	instance, err := newInstance(ctx, binary, args...)
	if err != nil {
		tb.Fatal(err)
	}
	s := &Standalone{tb: tb, instance: instance}
	tb.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.instance.remove()
	})
	return s
}

// URL returns redis://127.0.0.1:<port>. It stays the same when the server is stopped and started.
func (s *Standalone) URL() string { return "redis://" + s.Addr() }

// Addr returns 127.0.0.1:<port>.
func (s *Standalone) Addr() string { return s.instance.address() } // the port never changes: no lock

// Start starts a stopped server again, on its port and empty. One that runs is left alone.
func (s *Standalone) Start() {
	s.tb.Helper()
	s.startAs()
}

// startAs is Start with more on the command line, for this time.
func (s *Standalone) startAs(more ...string) {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.instance.process != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := s.instance.start(ctx, more...); err != nil {
		s.tb.Fatal(err)
	}
}

// Stop shuts the server down as an operator does (SIGTERM). A stopped one is left alone.
func (s *Standalone) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instance.stop()
}

// Kill ends the server as a crash does (SIGKILL). A stopped one is left alone.
func (s *Standalone) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instance.kill()
}

// Pause freezes the server (SIGSTOP): connections stay open and new ones are accepted by the
// kernel, but nothing is answered until Resume.
func (s *Standalone) Pause() {
	s.tb.Helper()
	s.signal(syscall.SIGSTOP)
}

// Resume lets a paused server run on (SIGCONT); it then answers all that it was asked meanwhile.
func (s *Standalone) Resume() {
	s.tb.Helper()
	s.signal(syscall.SIGCONT)
}

func (s *Standalone) signal(sig syscall.Signal) {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.instance.process == nil {
		s.tb.Fatalf("send %v: the redis-server is stopped", sig)
	}
	if err := s.instance.process.signal(sig); err != nil {
		s.tb.Fatalf("send %v: %v", sig, err)
	}
}

// Do sends one command, its words parted by blanks, and returns the reply as text; an array gives a line for each of its items.
func (s *Standalone) Do(line string) string {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	reply, err := command(ctx, s.Addr(), line)
	if err != nil {
		s.tb.Fatal(err)
	}
	return reply
}
