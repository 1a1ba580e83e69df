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

// echo is a hub and session without any records.
type echo struct{ conn signaling.Conn }

func (*echo) Ready(wire.RoomID) error     { return nil }
func (*echo) Peers(func([]string, error)) {}

func (*echo) Open(conn signaling.Conn, _ wire.Connect, _ wire.Offer) edge.Session { return &echo{conn} }

func (e *echo) Message(payload []byte)   { e.conn.Deliver(payload, nil) }
func (e *echo) Pong([]byte)              {}
func (e *echo) Closed(signaling.Closure) {}

// TestFramePathDoesNotAllocate covers the way from socket to session and back: whole frames, fragments, messages that arrive in pieces, pings
// and pongs. It counts what the whole process allocates.
func TestFramePathDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	payload := bytes.Repeat([]byte("x"), 1000)
	whole := frame(text, payload)
	r := startWith(t, &echo{}, func(cfg *edge.Config) { cfg.Loops, cfg.ControlLimit, cfg.PingInterval = 1, 0, time.Hour })
	for name, test := range map[string]struct {
		pieces [][]byte
		size   int // of the answer
	}{
		"whole":     {[][]byte{whole}, 1004},
		"split":     {[][]byte{whole[:3], whole[3:500], whole[500:]}, 1004},
		"fragments": {[][]byte{frame(textPart, payload), frame(ping, payload[:10]), frame(cont, payload)}, 12 + 2004},
		"control":   {[][]byte{frame(ping, payload[:125]), frame(pong, payload[:20])}, 127},
	} {
		c := r.upgrade(t, connect)
		var in [3000]byte
		once := func() {
			for _, piece := range test.pieces {
				c.write(piece)
			}
			if _, err := io.ReadFull(c.in, in[:test.size]); err != nil {
				t.Fatal(name, err)
			}
		}
		once()
		if n := testing.AllocsPerRun(300, once); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		c.Close()
	}
}

func BenchmarkEcho(b *testing.B) {
	r := start(b, newHub(), nil)
	r.hub.onFrame = func(s *testSession, p []byte) { s.conn.Send(p) }
	c, _ := r.open(b)
	_ = c.SetDeadline(time.Time{}) // no deadline: the number of rounds is not known yet
	payload := bytes.Repeat([]byte("x"), 1000)
	in := frame(text, payload)
	b.ReportAllocs()
	for b.Loop() {
		c.write(in)
		c.expect(text, payload)
	}
}

// browserHead is what a browser sends behind a proxy.
var browserHead = []byte(request(connect, "Origin: https://app.example.com", "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
	"Accept-Encoding: gzip, deflate, br, zstd", "Accept-Language: en-GB,en;q=0.9", "Cache-Control: no-cache", "Pragma: no-cache",
	"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits", "Sec-WebSocket-Protocol: rejoin.v1", "X-Forwarded-For: 192.0.2.7"))

// BenchmarkConnect dials, upgrades and leaves.
func BenchmarkConnect(b *testing.B) {
	r := start(b, newHub(), nil)
	for b.Loop() {
		conn, err := net.Dial("tcp", r.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		_, _ = conn.Write(browserHead)
		var in [512]byte
		if _, err := conn.Read(in[:]); err != nil {
			b.Fatal(err)
		}
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
}

// BenchmarkPush sends from a goroutine other than the loop's, as the backbone's answers do.
func BenchmarkPush(b *testing.B) {
	r := start(b, newHub(), nil)
	c, s := r.open(b)
	payload := bytes.Repeat([]byte("x"), 1000)
	var in [1004]byte
	b.ReportAllocs()
	for b.Loop() {
		s.conn.Send(payload)
		if _, err := io.ReadFull(c.in, in[:]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPushMany does so for many connections at once: wakes and writes are shared.
func BenchmarkPushMany(b *testing.B) {
	r := start(b, newHub(), nil)
	const conns, each = 20, 10
	var clients []*client
	var sessions []*testSession
	for range conns {
		c, s := r.open(b)
		clients, sessions = append(clients, c), append(sessions, s)
	}
	payload := bytes.Repeat([]byte("x"), 1000)
	var in [each * 1004]byte
	b.ReportAllocs()
	for b.Loop() {
		for _, s := range sessions {
			for range each {
				s.conn.Send(payload)
			}
		}
		for _, c := range clients {
			if _, err := io.ReadFull(c.in, in[:]); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*conns*each), "ns/message")
}
