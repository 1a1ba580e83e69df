//go:build linux

package swarm_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
)

// recorder is a driver and a handler that writes down what happens.
type recorder struct {
	events chan string
	ended  chan error
	conn   *swarm.Conn // owned by the loop
}

func newRecorder() *recorder {
	return &recorder{events: make(chan string, 10_000), ended: make(chan error, 100)}
}

func (*recorder) Tick(int64) int64 { return swarm.Never }

func (r *recorder) Opened(c *swarm.Conn) {
	r.conn = c
	r.events <- "open"
}
func (r *recorder) Message(_ *swarm.Conn, b []byte) { r.events <- string(b) }
func (r *recorder) Closed(_ *swarm.Conn, err error) { r.ended <- err }

func (r *recorder) want(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-r.events:
		if got != want {
			t.Fatalf("%.50q came, want %.50q", got, want)
		}
	case err := <-r.ended:
		t.Fatalf("ended: %v, want %.50q", err, want)
	case <-time.After(10 * time.Second):
		t.Fatalf("no %.50q", want)
	}
}

// run runs a loop for the time of a test.
func run(t *testing.T, d swarm.Driver) *swarm.Loop {
	t.Helper()
	l, err := swarm.New(time.Now(), d)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := l.Run(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { l.Stop(); wg.Wait() })
	return l
}

func dial(t *testing.T, l *swarm.Loop, to netip.AddrPort, from int, h swarm.Handler) {
	t.Helper()
	failed := make(chan error, 1)
	l.Post(func() {
		_, err := l.Dial(to, swarm.Source(from), swarm.Request("test", "/path", "a, b"), h, 0)
		failed <- err
	})
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
}

// echo pings and echoes, one byte at a time when slow, and looks at the pongs.
func echo(t *testing.T, slow bool) func(net.Conn) {
	return func(c net.Conn) {
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		r, err := accept(c)
		if err != nil {
			t.Error(err)
			return
		}
		for {
			op, b, err := receive(r)
			switch {
			case err != nil:
				return
			case op == pong && string(b) == question:
				continue
			case op != text:
				t.Errorf("frame with opcode %d: %q", op, b)
				return
			}
			raw := append(frame(ping, []byte(question)), frame(text, b)...)
			for slow && len(raw) > 1 {
				if _, err := c.Write(raw[:1]); err != nil {
					return
				}
				raw = raw[1:]
			}
			if _, err := c.Write(raw); err != nil {
				return
			}
		}
	}
}

func TestEcho(t *testing.T) {
	t.Parallel()
	for name, slow := range map[string]bool{"whole": false, "byte by byte": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecorder()
			l := run(t, r)
			dial(t, l, listen(t, echo(t, slow)), 1, r)
			r.want(t, "open")
			for _, size := range []int{1, 125, 126, 5000} {
				text := strings.Repeat("x", size)
				l.Post(func() { r.conn.Send([]byte(text)) })
				r.want(t, text)
			}
			var seen swarm.Counters
			if err := l.Do(t.Context(), func() { seen = l.Counters() }); err != nil || seen.Pings != 4 || seen.FramesIn != 8 {
				t.Errorf("%+v, %v", seen, err)
			}
		})
	}
}

// TestFullSocket sends more than the sockets hold to a server that reads later.
func TestFullSocket(t *testing.T) {
	t.Parallel()
	const count = 300
	text := bytes.Repeat([]byte("x"), 60_000)
	read := make(chan struct{})
	r := newRecorder()
	l := run(t, r)
	got := make(chan int, 1)
	dial(t, l, listen(t, func(c net.Conn) {
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		in, err := accept(c)
		<-read
		n := 0
		for ; err == nil && n < count; n++ {
			var b []byte
			if _, b, err = receive(in); err == nil && !bytes.Equal(b, text) {
				err = errors.New("changed on the way")
			}
		}
		if err != nil {
			t.Errorf("message %d: %v", n, err)
		}
		got <- n
	}), 1, r)
	r.want(t, "open")
	l.Post(func() {
		for range count {
			r.conn.Send(text)
		}
	})
	close(read)
	if n := <-got; n != count {
		t.Errorf("%d of %d arrived", n, count)
	}
}

func TestEnds(t *testing.T) {
	t.Parallel()
	var closed *swarm.CloseError
	var status *swarm.StatusError
	for name, c := range map[string]struct {
		serve func(net.Conn)
		good  func(error) bool
	}{
		"close frame": {func(c net.Conn) {
			_, _ = accept(c)
			_, _ = c.Write(frame(goodbye, []byte("\x03\xf5slow down")))
			_, _ = io.Copy(io.Discard, c)
		}, func(err error) bool {
			return errors.As(err, &closed) && closed.Code == 1013 && closed.Reason == "slow down"
		}},
		"no upgrade": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 503 Busy\r\nA: 1\r\nretry-after: 7\r\nB: 2\r\n\r\n")
			_, _ = io.Copy(io.Discard, c)
		}, func(err error) bool {
			return errors.As(err, &status) && status.Line == "HTTP/1.1 503 Busy" && status.RetryAfter == 7*time.Second
		}},
		"end of file": {func(c net.Conn) { _, _ = accept(c) }, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecorder()
			dial(t, run(t, r), listen(t, c.serve), 1, r)
			if err := <-r.ended; !c.good(err) {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

func TestRefusedConnection(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	to := netip.MustParseAddrPort(l.Addr().String())
	l.Close()
	r := newRecorder()
	dial(t, run(t, r), to, 1, r)
	if err := <-r.ended; err == nil {
		t.Error("ended without an error")
	}
}

// TestLeaving looks at what the server sees of the two ways to go.
func TestLeaving(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		leave func(*swarm.Conn)
		want  string
	}{
		"close": {func(c *swarm.Conn) { c.Close(1000) }, `opcode 8, "\x03\xe8"`},
		"reset": {(*swarm.Conn).Reset, "reset"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := make(chan string, 1)
			r := newRecorder()
			l := run(t, r)
			dial(t, l, listen(t, func(conn net.Conn) {
				in, err := accept(conn)
				if err != nil {
					t.Error(err)
				}
				op, b, err := receive(in)
				seen <- fmt.Sprintf("opcode %d, %q, %v", op, b, err)
			}), 1, r)
			r.want(t, "open")
			if err := l.Do(t.Context(), func() { c.leave(r.conn) }); err != nil {
				t.Fatal(err)
			}
			if got := <-seen; !strings.Contains(got, c.want) {
				t.Errorf("the server saw %s", got)
			}
			if err := l.Do(t.Context(), func() {
				if l.Open() != 0 || r.conn.Open() {
					t.Error("still open")
				}
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestAgainstAnotherImplementation has coder/websocket read and write every kind of length.
func TestAgainstAnotherImplementation(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		c, err := websocket.Accept(w, req, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(1 << 20)
		for {
			kind, b, err := c.Read(req.Context())
			if err != nil || c.Write(req.Context(), kind, b) != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	r := newRecorder()
	l := run(t, r)
	dial(t, l, netip.MustParseAddrPort(server.Listener.Addr().String()), 1, r)
	r.want(t, "open")
	for _, size := range []int{0, 1, 7, 8, 9, 125, 126, 65535, 65536, 200_000} {
		text := strings.Repeat("0123456789x", size/11+1)[:size]
		l.Post(func() { r.conn.Send([]byte(text)) })
		r.want(t, text)
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 3)
	r := newRecorder()
	l := run(t, r)
	to := listen(t, func(c net.Conn) { seen <- c.RemoteAddr().(*net.TCPAddr).IP.String() })
	all := map[string]bool{}
	for i := range 3 {
		dial(t, l, to, i*200, r)
		all[<-seen] = true
	}
	if len(all) != 3 || !all["127.20.0.1"] {
		t.Errorf("came from %v", all)
	}
}

func TestOnlyLoopback(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	l := run(t, r)
	for _, to := range []string{"10.0.0.1:80", "0.0.0.0:80", "8.8.8.8:443", "[::1]:80"} {
		var err error
		_ = l.Do(t.Context(), func() { _, err = l.Dial(netip.MustParseAddrPort(to), swarm.Source(1), nil, r, 0) })
		if err == nil {
			t.Errorf("dialled %s", to)
		}
	}
}

// ticker is a driver that wants to be called at certain times.
type ticker struct {
	*recorder
	late chan time.Duration
	due  int64
}

func (d *ticker) Tick(now int64) int64 {
	if d.due > 0 && now >= d.due {
		d.late <- time.Duration(now - d.due)
		return swarm.Never
	}
	if d.due == 0 {
		d.due = now + int64(300*time.Microsecond)
	}
	return d.due
}

func TestTicks(t *testing.T) {
	t.Parallel()
	d := &ticker{recorder: newRecorder(), late: make(chan time.Duration, 10)}
	run(t, d)
	if late := <-d.late; late < 0 {
		t.Errorf("%v too early", -late)
	}
}

func TestEndedLoop(t *testing.T) {
	t.Parallel()
	l, err := swarm.New(time.Now(), newRecorder())
	if err != nil {
		t.Fatal(err)
	}
	l.Stop()
	if err := l.Run(); err != nil {
		t.Error(err)
	}
	if l.Post(func() {}) || l.Do(t.Context(), func() {}) == nil {
		t.Error("an ended loop took work")
	}
}
