package edge_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/edge"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// echo is a hub and session without any records.
type echo struct{ conn signaling.Conn }

func (*echo) Ready(wire.RoomID) error { return nil }

func (*echo) Open(conn signaling.Conn, _ wire.Connect, _ wire.Offer) edge.Session { return &echo{conn} }

func (e *echo) Message(payload []byte) { e.conn.Deliver(payload, nil) }
func (e *echo) Pong([]byte)            {}
func (e *echo) Closed(signaling.End)   {}

func feeder() *edge.Feeder {
	cfg := edge.DefaultConfig()
	cfg.RateLimit = 0
	return edge.NewFeeder(cfg, &echo{})
}

// TestFramePathDoesNotAllocate covers whole frames, fragments, messages that arrive in pieces, pings and pongs.
func TestFramePathDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	payload := bytes.Repeat([]byte("x"), 1000)
	whole := frame(text, payload)
	for name, pieces := range map[string][][]byte{
		"whole":     {whole},
		"split":     {whole[:3], whole[3:500], whole[500:]},
		"fragments": {frame(textPart, payload), frame(ping, payload[:10]), frame(cont, payload)},
		"control":   {frame(ping, payload[:125]), frame(pong, payload[:20])},
	} {
		f := feeder()
		once := func() {
			for _, piece := range pieces {
				f.Feed(piece)
			}
			f.Out()
		}
		once()
		if n := testing.AllocsPerRun(100, once); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestConnIsSmall(t *testing.T) {
	t.Parallel()
	if edge.ConnSize > 80 {
		t.Errorf("%d bytes: what is not needed while idle belongs into work", edge.ConnSize)
	}
}

func BenchmarkFrame(b *testing.B) {
	for name, size := range map[string]int{"100B": 100, "1KB": 1000, "16KB": 16 << 10} {
		b.Run(name, func(b *testing.B) {
			f := feeder()
			in := frame(text, bytes.Repeat([]byte("x"), size))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				f.Feed(in)
				f.Out()
			}
		})
	}
}

func BenchmarkEcho(b *testing.B) {
	r := start(b, newHub(), nil)
	r.hub.onFrame = func(s *testSession, p []byte) { s.conn.Send(p) }
	c, _ := r.open(b)
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

// BenchmarkHead reads a head and makes its answer; net/http only reads it.
func BenchmarkHead(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		shake := edge.NewHandshake(edge.DefaultConfig(), &echo{})
		b.ReportAllocs()
		for b.Loop() {
			if shake(browserHead) == nil {
				b.Fatal("refused")
			}
		}
	})
	b.Run("net/http", func(b *testing.B) {
		in := bytes.NewReader(nil)
		buffered := bufio.NewReader(in)
		b.ReportAllocs()
		for b.Loop() {
			in.Reset(browserHead)
			buffered.Reset(in)
			if _, err := http.ReadRequest(buffered); err != nil {
				b.Fatal(err)
			}
		}
	})
}

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

// BenchmarkPush sends from another goroutine than the loop's, as answers of the backbone do.
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
