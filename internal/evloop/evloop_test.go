package evloop_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rejoin-dev/rejoin/internal/evloop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what has to happen.
const patience = 30 * time.Second

// echoes are the loops of a test: what a client sends comes back.
type echoes struct {
	t     *testing.T
	group *evloop.Group
	lost  chan *echo // each one that has ended
	pause atomic.Bool
	loops []*evloop.Loop
}

// handler is one loop's.
type handler struct {
	all   *echoes
	loop  *evloop.Loop
	tasks func(evloop.Task)
}

// echo is a connection.
type echo struct {
	all    *echoes
	loop   *evloop.Loop
	socket evloop.Socket
}

func listen(t *testing.T, loops int, do func(evloop.Task)) *echoes {
	t.Helper()
	e := &echoes{t: t, lost: make(chan *echo, 100)}
	config := evloop.Config{Addr: "127.0.0.1:0", Loops: loops, Tick: 5 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}
	var err error
	e.group, err = evloop.Listen(t.Context(), config, func(l *evloop.Loop) evloop.Handler {
		e.loops = append(e.loops, l)
		return &handler{all: e, loop: l, tasks: do}
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- e.group.Run() }()
	t.Cleanup(func() {
		e.group.Stop()
		e.group.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for _, l := range e.loops {
			l.Post(1) // a loop that has ended is left alone
		}
	})
	return e
}

func (h *handler) Accepted(s evloop.Socket, peer netip.Addr) (evloop.Conn, bool) {
	if now := s.Peer(); peer != netip.MustParseAddr("127.0.0.1") || now.IsValid() && now != peer { // it may be gone by now
		h.all.t.Errorf("a client from %v, %v", peer, now)
	}
	return &echo{all: h.all, loop: h.loop, socket: s}, h.all.pause.Load()
}

func (h *handler) Do(tasks evloop.Task) {
	if h.tasks != nil {
		h.tasks(tasks)
	}
}

func (h *handler) FreeDescriptor() bool { return false }

func (c *echo) Received(data []byte) {
	if c.loop.Write(&c.socket, data) != nil {
		c.Lost()
	}
}

func (c *echo) Writable() {
	if c.loop.Flush(&c.socket) != nil {
		c.Lost()
	}
}

func (c *echo) Lost() {
	if c.socket.Descriptor() < 0 {
		c.all.t.Error("lost twice")
	}
	c.loop.Close(&c.socket)
	c.loop.Close(&c.socket) // a socket that is closed is left alone
	if c.socket.Descriptor() != -1 || c.socket.Unsent() != 0 {
		c.all.t.Errorf("closed, it has descriptor %d", c.socket.Descriptor())
	}
	c.all.lost <- c
}

func (e *echoes) dial(t *testing.T) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", e.group.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn.(*net.TCPConn)
}

func (e *echoes) wantLost(t *testing.T) {
	t.Helper()
	select {
	case <-e.lost:
	case <-time.After(patience):
		t.Fatal("nothing was lost")
	}
}

// TestWhatTheKernelDoesNotTakeIsKept sends far more than the kernel buffers, and reads it only then.
func TestWhatTheKernelDoesNotTakeIsKept(t *testing.T) {
	t.Parallel()
	e := listen(t, 2, nil)
	conn := e.dial(t)
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<15) // half a megabyte
	if _, err := conn.Write(want); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("not what was sent: %v", err)
	}
	conn.Close()
	e.wantLost(t)
}

// TestLostIsReportedOnce: an end of file and a reset, with and without something that was kept, and the end of the loops.
func TestLostIsReportedOnce(t *testing.T) {
	t.Parallel()
	e := listen(t, 1, nil)
	for _, size := range []int{1, 1 << 20} {
		for _, linger := range []int{-1, 0} {
			conn := e.dial(t)
			if _, err := conn.Write(make([]byte, size)); err != nil {
				t.Fatal(err)
			}
			_ = conn.SetLinger(linger)
			conn.Close()
			e.wantLost(t)
		}
	}
	conn := e.dial(t)
	if _, err := conn.Write([]byte("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	e.group.Stop()
	e.wantLost(t)
}

// TestTasksArrive: what is posted by many goroutines is done, Tick comes by itself, and the loop's own task is not seen.
func TestTasksArrive(t *testing.T) {
	t.Parallel()
	var seen atomic.Uint32
	e := listen(t, 1, func(tasks evloop.Task) { seen.Or(uint32(tasks)) })
	var wg sync.WaitGroup
	want := evloop.Tick
	for i := range 8 {
		want |= 1 << i
		wg.Go(func() { e.loops[0].Post(1 << i) })
	}
	wg.Wait()
	for deadline := time.Now().Add(patience); evloop.Task(seen.Load()) != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("tasks %b, want %b", seen.Load(), want)
		}
	}
}

// TestAPausedLoopGoesOn: a loop that was told that it is full accepts again once it was woken.
func TestAPausedLoopGoesOn(t *testing.T) {
	t.Parallel()
	e := listen(t, 1, nil)
	e.pause.Store(true)
	for range 3 {
		conn := e.dial(t)
		if _, err := conn.Write([]byte("a")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAnAddressInUse: SO_REUSEPORT would let a second group share the port unnoticed.
func TestAnAddressInUse(t *testing.T) {
	t.Parallel()
	e := listen(t, 2, nil)
	config := evloop.Config{Addr: e.group.Addr().String(), Loops: 1, Tick: time.Second, Log: slog.New(slog.DiscardHandler)}
	_, err := evloop.Listen(t.Context(), config, func(*evloop.Loop) evloop.Handler { return nil })
	if err == nil {
		t.Fatal("two groups on one port")
	}
}
