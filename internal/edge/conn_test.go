package edge_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/edge"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/internal/wsframe/wsframetest"
)

// TestOrder has many goroutines write to many connections: each connection sees each goroutine's frames in
// order, whole.
func TestOrder(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.MaxOutputBytes = 1 << 20 })
	const conns, writers, frames = 4, 4, 200
	var clients []*client
	var sessions []*testSession
	for range conns {
		c, s := r.open(t)
		clients, sessions = append(clients, c), append(sessions, s)
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range frames {
				for _, s := range sessions {
					s.conn.Send(fmt.Appendf(nil, "%d %d %s", w, i, strings.Repeat("x", i)))
				}
			}
		})
	}
	for _, c := range clients {
		var next [writers]int
		for range writers * frames {
			first, payload, err := c.read()
			var w, i int
			if _, scan := fmt.Sscanf(string(payload), "%d %d", &w, &i); err != nil || scan != nil || first != text || i != next[w] {
				t.Fatalf("got %#x %q %v, want frame %d of writer %d", first, payload, err, next[w], w)
			}
			next[w]++
		}
	}
	wg.Wait()
}

func TestOpenMayUseConnAtOnce(t *testing.T) {
	t.Parallel()
	hub := newHub()
	hub.onOpen = func(s *testSession) {
		s.conn.Send([]byte("first"))
		s.conn.Deliver([]byte("second"), nil)
		s.conn.Ping([]byte("2"))
	}
	c := start(t, hub, nil).upgrade(t, connect)
	c.expect(text, []byte("first"))
	c.expect(text, []byte("second"))
	c.expect(ping, []byte("2"))
}

func TestLocalClose(t *testing.T) {
	t.Parallel()
	hub := newHub()
	hub.onFrame = func(s *testSession, _ []byte) {
		s.conn.Send([]byte("last words"))
		s.conn.Close(wire.CloseResumedElsewhere, wire.ReasonResumedElsewhere)
		s.conn.Close(wire.CloseInternal, "too late")
		s.conn.Send([]byte("too late"))
		if s.conn.Deliver([]byte("too late"), nil) {
			t.Error("delivered after close")
		}
	}
	r := start(t, hub, nil)
	c, s := r.open(t)
	// Anything after it, in the same read or later, is not delivered.
	c.write(bytes.Repeat(frame(text, []byte("hi")), 3))
	c.expect(text, []byte("last words"))
	c.expect(closeFrame, closeBody(4001, wire.ReasonResumedElsewhere))
	if end := s.end(t); end.By != signaling.ClosedByServer {
		t.Fatalf("ended %v", end)
	}
	c.write(join(frame(text, []byte("late")), frame(closeFrame, closeBody(4001, ""))))
	if _, err := io.ReadAll(c.in); err != nil {
		t.Fatalf("not closed cleanly: %v", err)
	}
	c.Close()
	if got := s.got(); len(got) != 1 {
		t.Fatalf("got %q", got)
	}
	eventually(t, "connection to be forgotten", func() bool { return r.metric(t, "rejoin_edge_connections") == 0 })
	if n := r.metric(t, "rejoin_edge_closes_total", "by=server", "code=4001"); n != 1 {
		t.Fatalf("%v closes counted", n)
	}
	if s.closed != 1 {
		t.Fatalf("closed %d times", s.closed)
	}
	s.conn.Send([]byte("long gone"))
	s.conn.Ping(nil)
	s.conn.Close(wire.CloseNormal, "")
}

// TestCloseFollowsWhatIsQueued closes after more output than the kernel accepts at once.
func TestCloseFollowsWhatIsQueued(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.CloseTimeout = patience })
	c, s := r.open(t)
	payload := bytes.Repeat([]byte("q"), 1<<20)
	s.conn.Send(payload)
	s.conn.Close(wire.CloseServiceRestart, wire.ReasonGoingAway)
	s.end(t)
	c.expect(text, payload)
	c.expectClose(wire.CloseServiceRestart, wire.ReasonGoingAway)
}

func TestCloseInsideOpen(t *testing.T) {
	t.Parallel()
	hub := newHub()
	hub.onOpen = func(s *testSession) { s.conn.Close(wire.CloseInternal, wire.ReasonNotRegistered) }
	r := start(t, hub, nil)
	c, s := r.open(t)
	c.expectClose(wire.CloseInternal, wire.ReasonNotRegistered)
	if end := s.end(t); end.By != signaling.ClosedByServer {
		t.Fatalf("ended %v", end)
	}
}

func TestLost(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), nil)
	for name, lose := range map[string]func(*client){
		"end of file": func(c *client) { c.Close() },
		"half closed": func(c *client) { _ = c.Conn.(*net.TCPConn).CloseWrite() },
		"reset": func(c *client) {
			_ = c.Conn.(*net.TCPConn).SetLinger(0)
			c.Close()
		},
		"inside a message": func(c *client) {
			c.write(frame(textPart, []byte("a")))
			c.Close()
		},
	} {
		c, s := r.open(t)
		lose(c)
		if end := s.end(t); end.By != signaling.ClosedByLoss {
			t.Errorf("%s: ended %v", name, end)
		}
		if s.conn.Deliver([]byte("too late"), nil) {
			t.Errorf("%s: something was queued for a connection that is gone", name)
		}
	}
}

// TestALongChainOfCloses has each end of a session close the next connection: output queued while the loop writes is written too, however
// often that happens, without waiting for another wakeup.
func TestALongChainOfCloses(t *testing.T) {
	t.Parallel()
	const length = 1500 // so that a tick for every few of them takes longer than patience
	hub := newHub()
	next := map[*testSession]*testSession{}
	hub.onClosed = func(s *testSession) {
		if n := next[s]; n != nil {
			n.conn.Close(wire.CloseNormal, "")
		}
	}
	r := start(t, hub, func(cfg *edge.Config) { cfg.Loops, cfg.CloseTimeout = 1, 2*patience })
	var chain []*testSession
	for range length {
		c, s := r.open(t)
		_ = c.SetDeadline(time.Time{}) // it must send nothing: that would wake the loop
		if len(chain) > 0 {
			next[chain[len(chain)-1]] = s
		}
		chain = append(chain, s)
	}
	chain[0].conn.Close(wire.CloseNormal, "")
	chain[length-1].end(t)
}

// TestCloseFrameSurvivesUnreadData keeps sending while the server closes for cause: closing with unread data in the kernel would send a
// reset, which may overtake the close frame.
func TestCloseFrameSurvivesUnreadData(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), nil)
	for range 20 {
		c, s := r.open(t)
		c.write(append(frame(0x83, nil), bytes.Repeat([]byte("x"), 200<<10)...))
		c.expectClose(wire.CloseProtocolError, "*")
		if end := s.end(t); end.By != signaling.ClosedForCause {
			t.Fatalf("ended %v", end)
		}
	}
}

func TestCloseTimeout(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.CloseTimeout = 50 * time.Millisecond })
	_, s := r.open(t) // the client keeps its side open
	s.conn.Close(wire.CloseNormal, "")
	s.end(t)
	eventually(t, "socket to be closed", func() bool {
		return r.metric(t, "rejoin_edge_drops_total", "reason=close_timeout") == 1
	})
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	hub := newHub()
	hub.quiet = true
	r := start(t, hub, func(cfg *edge.Config) { cfg.RateLimit, cfg.RateWindow = 5, time.Minute })
	for name, fifth := range map[string][]byte{
		"messages":  frame(text, nil),
		"fragments": frame(textPart, nil),
	} {
		over := frame(wsframetest.Part, nil)
		if name == "messages" {
			over = frame(binaryFrame, nil)
		}
		c, s := r.open(t)
		c.write(join(bytes.Repeat(frame(ping, nil), 20), bytes.Repeat(frame(text, nil), 4), fifth, frame(ping, []byte("still open"))))
		for range 20 {
			c.expect(pong, nil)
		}
		c.expect(pong, []byte("still open"))
		c.write(over)
		c.expectClose(wire.CloseTryAgainLater, wire.ReasonRateLimit)
		if end := s.end(t); end.By != signaling.ClosedForCause || len(s.got()) < 4 {
			t.Errorf("%s: ended %v after %d messages", name, end, len(s.got()))
		}
	}
}

// TestControlLimit: pings and pongs have a generous limit, and messages do not count.
func TestControlLimit(t *testing.T) {
	t.Parallel()
	hub := newHub()
	hub.quiet = true
	r := start(t, hub, func(cfg *edge.Config) { cfg.RateLimit, cfg.ControlLimit, cfg.RateWindow = 100, 10, time.Minute })
	for name, flood := range map[string]byte{"pings": ping, "pongs": pong} {
		c, s := r.open(t)
		c.write(join(bytes.Repeat(frame(flood, []byte("x")), 9), bytes.Repeat(frame(text, nil), 20), frame(ping, []byte("last"))))
		for {
			first, payload, err := c.read()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if first == pong && string(payload) == "last" {
				break
			}
		}
		c.write(frame(flood, []byte("x")))
		c.expectClose(wire.CloseTryAgainLater, "too many pings or pongs, slow down")
		if end := s.end(t); end.By != signaling.ClosedForCause || len(s.got()) != 20 {
			t.Errorf("%s: ended %v after %d messages", name, end, len(s.got()))
		}
	}
}

// TestEmptyPongs: the session sees only those that answer a ping of the sweep, each once.
func TestEmptyPongs(t *testing.T) {
	t.Parallel()
	hub := newHub()
	hub.quiet = true
	r := start(t, hub, func(cfg *edge.Config) { cfg.PingInterval = 300 * time.Millisecond })
	c, s := r.open(t)
	c.write(bytes.Repeat(frame(pong, nil), 20))
	c.expect(ping, nil)
	c.write(join(bytes.Repeat(frame(pong, nil), 20), frame(pong, []byte("a")), frame(text, nil)))
	eventually(t, "the message", func() bool { return len(s.got()) == 1 })
	if got := s.pongsGot(); !slices.Equal(got, []string{"", "a"}) {
		t.Fatalf("the session got the pongs %q", got)
	}
}

func TestRateWindowEnds(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.RateLimit, cfg.RateWindow = 1, time.Millisecond })
	c, _ := r.open(t)
	for range 5 {
		c.write(frame(text, []byte("a")))
		c.expect(text, []byte("a"))
		time.Sleep(3 * time.Millisecond) // a lower bound: later is as good
	}
}

// TestDeliverBound fills the queue of a client that does not read, then has it read, and expects room again and no loss.
func TestDeliverBound(t *testing.T) {
	t.Parallel()
	hub := newHub()
	r := start(t, hub, func(cfg *edge.Config) { cfg.MaxOutputBytes = 32 << 10 })
	c, s := r.open(t)
	payload := bytes.Repeat([]byte("d"), 4<<10)
	fill := func() (n int) {
		// The kernel accepts some at first; the queue is full once Deliver refuses twice with a flush in between.
		for refused := 0; refused < 20; {
			if s.conn.Deliver(payload, nil) {
				n++
				refused = 0
				continue
			}
			refused++
			time.Sleep(2 * time.Millisecond)
		}
		return n
	}
	sent := fill()
	if bytes := sent * len(payload); bytes > 8<<20 {
		t.Fatalf("%d bytes were taken", bytes)
	}
	for range sent {
		c.expect(text, payload)
	}
	eventually(t, "room", func() bool { return s.conn.Deliver(payload, nil) })
	c.expect(text, payload)
}

// TestOrderFromAnyGoroutine: frames are written by the goroutine that queues them, by the loop, or partly by both. They arrive in the order
// they were queued.
func TestOrderFromAnyGoroutine(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.MaxOutputBytes = 8 << 20 })
	c, s := r.open(t)
	const frames = 300
	payload := func(i int) []byte { return bytes.Repeat([]byte(strconv.Itoa(i)+" "), 1+i%7*700) }
	go func() {
		for i := range frames {
			s.conn.Deliver(payload(i), []byte("p"+strconv.Itoa(i)))
			if i%10 == 0 {
				c.write(frame(ping, nil)) // wakes the loop
			}
		}
	}()
	for i := 0; i < 2*frames; {
		first, got, err := c.read()
		if err != nil {
			t.Fatal(err)
		}
		want := payload(i / 2)
		if i%2 == 1 {
			want = []byte("p" + strconv.Itoa(i/2))
		}
		if first == pong {
			continue
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("frame %d is %.20q", i, got)
		}
		i++
	}
}

// TestClosedInTheSameBatch closes a connection while its own event waits behind the one that closes it. The loop must go on at once: if it
// waited for the next tick, this test's deadlines would pass.
func TestClosedInTheSameBatch(t *testing.T) {
	t.Parallel()
	hub := newHub()
	blocked, release := make(chan struct{}), make(chan struct{})
	var victim atomic.Pointer[testSession]
	hub.onFrame = func(s *testSession, text []byte) {
		if string(text) == "block" {
			blocked <- struct{}{}
			<-release
			return
		}
		victim.Load().conn.Send([]byte("reset by its peer"))
		s.conn.Send(text)
	}
	r := start(t, hub, func(cfg *edge.Config) { cfg.Loops = 1 })
	blocker, _ := r.open(t)
	friend, _ := r.open(t)
	for range 60 {
		c, s := r.open(t)
		victim.Store(s)
		blocker.write(frame(text, []byte("block")))
		<-blocked
		friend.write(frame(text, []byte("hit")))
		if err := c.Conn.(*net.TCPConn).SetLinger(0); err != nil {
			t.Fatal(err)
		}
		c.Close()
		release <- struct{}{}
		friend.expect(text, []byte("hit"))
	}
}

// TestLateProducer writes to sessions whose connections are gone, while others reuse their descriptors: no client reads another's frames.
func TestLateProducer(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), nil)
	stop := make(chan struct{})
	var gone sync.Map
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	wg.Go(func() {
		for {
			gone.Range(func(s, _ any) bool {
				s.(*testSession).conn.Send([]byte("not for you"))
				return true
			})
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for range 200 {
		c, s := r.open(t)
		c.write(frame(text, []byte("hello")))
		c.expect(text, []byte("hello"))
		gone.Store(s, nil)
		c.Close()
	}
}

func TestBigMessageFitsEmptyQueue(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.MaxOutputBytes = 1 << 10 })
	c, s := r.open(t)
	payload := bytes.Repeat([]byte("b"), 100<<10)
	if !s.conn.Deliver(payload, nil) {
		t.Fatal("refused")
	}
	c.expect(text, payload)
}

func TestSendBeyondTwiceTheBoundIsLost(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.MaxOutputBytes = 16 << 10 })
	_, s := r.open(t)
	payload := bytes.Repeat([]byte("s"), 4<<10)
	eventually(t, "the end", func() bool {
		s.conn.Send(payload)
		return r.metric(t, "rejoin_edge_drops_total", "reason=output_full") == 1
	})
	if end := s.end(t); end.By != signaling.ClosedByLoss {
		t.Fatalf("ended %v", end)
	}
}

// TestPingFloodWithoutReading: a ping flood costs the output bound and no more.
func TestPingFloodWithoutReading(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.MaxOutputBytes, cfg.ControlLimit = 4<<10, 0 })
	c, s := r.open(t)
	flood := bytes.Repeat(frame(ping, bytes.Repeat([]byte("p"), 125)), 500)
	for range 40 {
		c.write(flood)
	}
	c.write(frame(text, []byte("still here")))
	eventually(t, "message", func() bool { return slices.Equal(s.got(), []string{"still here"}) })
	for {
		first, payload, err := c.read()
		if err != nil {
			t.Fatal(err)
		}
		if first == text && string(payload) == "still here" {
			return
		}
	}
}
