package edge_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/edge"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

func TestHandshakeTimeout(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.HandshakeTimeout = 50 * time.Millisecond })
	silent, slow := r.dial(t), r.dial(t)
	slow.send("GET / HTTP/1.1\r\nHost:")
	if status, _, _ := slow.response(); status != 408 {
		t.Fatalf("answered %d", status)
	}
	if rest, err := io.ReadAll(silent.in); err != nil || len(rest) > 0 {
		t.Fatalf("got %q, %v", rest, err)
	}
}

func TestMessageTimeout(t *testing.T) {
	t.Parallel()
	for name, begun := range map[string][]byte{
		"header":   {text},
		"payload":  frame(text, []byte("abc"))[:8],
		"fragment": frame(textPart, []byte("abc")),
		"control":  frame(ping, []byte("abc"))[:7],
	} {
		r := start(t, newHub(), func(cfg *edge.Config) { cfg.MessageTimeout = 50 * time.Millisecond })
		c, s := r.open(t)
		c.write(join(frame(text, []byte("whole")), begun))
		c.expect(text, []byte("whole"))
		c.expectClose(wire.ClosePolicy, "*")
		if end := s.end(t); end.By != signaling.ClosedByLoss {
			t.Errorf("%s: ended %v", name, end)
		}
	}
}

// TestMessageTimeoutIsPerMessage keeps a connection busy with messages that begin in one write and end in the next.
func TestMessageTimeoutIsPerMessage(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.MessageTimeout = 500 * time.Millisecond })
	c, _ := r.open(t)
	message := frame(text, []byte("straddling"))
	head, tail := message[:9], message[9:]
	c.write(head)
	for begin := time.Now(); time.Since(begin) < 1100*time.Millisecond; {
		c.write(join(tail, head))
		c.expect(text, []byte("straddling"))
		time.Sleep(10 * time.Millisecond)
	}
}

// TestPingsAndSilence: a client that answers pings stays, one that does not is lost. R20.
func TestPingsAndSilence(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.PingInterval = 400 * time.Millisecond })
	alive, aliveSession := r.open(t)
	deaf, deafSession := r.open(t)
	for range 3 {
		alive.expect(ping, nil)
		alive.write(frame(pong, nil))
	}
	deaf.expect(ping, nil)
	if _, _, err := deaf.read(); err == nil {
		t.Fatal("a second ping")
	}
	if end := deafSession.end(t); end.By != signaling.ClosedByLoss {
		t.Fatalf("ended %v", end)
	}
	select {
	case end := <-aliveSession.ended:
		t.Fatalf("ended %v", end)
	default:
	}
	if n := r.metric(t, "rejoin_edge_drops_total", "reason=silent"); n != 1 {
		t.Fatalf("%v dropped", n)
	}
}

// TestNoPingWhileBusy: a client that sends needs no ping. A stalled machine may silence the client for a moment, so a ping counts as a
// failure only if there was no such gap.
func TestNoPingWhileBusy(t *testing.T) {
	t.Parallel()
	const interval = 400 * time.Millisecond
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.PingInterval = interval })
	c, _ := r.open(t)
	last, gap := time.Now(), time.Duration(0)
	for begin := last; time.Since(begin) < 3*interval; {
		c.write(frame(text, []byte("busy")))
		gap = max(gap, time.Since(last))
		last = time.Now()
		first, _, err := c.read()
		if err != nil {
			t.Fatal(err)
		}
		if first == ping && gap < interval/2 {
			t.Fatalf("pinged, and was never silent for more than %v", gap)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestStalledReader: a client that sends but never reads is lost. R21.
func TestStalledReader(t *testing.T) {
	t.Parallel()
	hub := newHub()
	hub.quiet = true
	r := start(t, hub, func(cfg *edge.Config) {
		cfg.PingInterval, cfg.MaxOutputBytes = 300*time.Millisecond, 4<<20
	})
	c, s := r.open(t)
	for range 2 {
		s.conn.Send(bytes.Repeat([]byte("s"), 3<<20))
	}
	eventually(t, "the end", func() bool {
		_, _ = c.Write(frame(text, []byte("I am here")))
		return r.metric(t, "rejoin_edge_drops_total", "reason=stalled") == 1
	})
	if end := s.end(t); end.By != signaling.ClosedByLoss {
		t.Fatalf("ended %v", end)
	}
}

// TestASlowReaderIsNoStalledOne: it counts whether the socket accepts any bytes, not whether it ever catches up.
func TestASlowReaderIsNoStalledOne(t *testing.T) {
	t.Parallel()
	const interval = 200 * time.Millisecond
	hub := newHub()
	hub.quiet = true
	r := start(t, hub, func(cfg *edge.Config) { cfg.PingInterval, cfg.MaxOutputBytes = interval, 8<<20 })
	c, s := r.open(t)
	const size = 6 << 20
	s.conn.Send(make([]byte, size))
	buf := make([]byte, size/100) // a hundred reads, which together take more than two intervals
	for begin, read := time.Now(), 0; time.Since(begin) < 4*interval || read < size; {
		if read < size {
			n, err := io.ReadAtLeast(c.in, buf[:min(len(buf), size-read)], 1)
			if err != nil {
				t.Fatalf("lost after %d bytes and %v: %v", read, time.Since(begin), err)
			}
			read += n
		}
		c.write(frame(text, []byte("I am here")))
		time.Sleep(10 * time.Millisecond)
	}
	if n := r.metric(t, "rejoin_edge_drops_total", "reason=stalled"); n != 0 {
		t.Fatalf("%v dropped as stalled", n)
	}
}

// TestClientGoneBeforeOpen blocks the loop until the request and the end of file behind it are both there.
func TestClientGoneBeforeOpen(t *testing.T) {
	t.Parallel()
	hub := newHub()
	blocked, release := make(chan struct{}), make(chan struct{})
	hub.onFrame = func(*testSession, []byte) {
		blocked <- struct{}{}
		<-release
	}
	r := start(t, hub, func(cfg *edge.Config) { cfg.Loops = 1 })
	blocker, _ := r.open(t)
	late := r.dial(t)
	late.send("GET ") // accepted and known to the loop
	blocker.write(frame(text, nil))
	<-blocked
	late.send(request(connect)[len("GET "):])
	if err := late.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	close(release)
	if answer, err := io.ReadAll(late.in); err != nil || len(answer) > 0 {
		t.Fatalf("got %q, %v", answer, err)
	}
	if n := hub.count(); n != 1 {
		t.Fatalf("%d sessions", n)
	}
	if n := r.metric(t, "rejoin_edge_drops_total", "reason=gone_before_open"); n != 1 {
		t.Fatalf("%v counted", n)
	}
}
