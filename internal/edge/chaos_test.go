package edge_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/rejoin-dev/rejoin/internal/edge"
	"github.com/rejoin-dev/rejoin/internal/wsframe/wsframetest"
)

// TestChaos has clients misbehave in every way while others go on working. R21, R22.
func TestChaos(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) {
		cfg.HandshakeTimeout, cfg.MessageTimeout, cfg.CloseTimeout = 200*time.Millisecond, 200*time.Millisecond, 100*time.Millisecond
	})
	good, s := r.open(t) // before: the handshake has little time, and there will be a crowd
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	for seed := range uint64(8) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, 1))
			for ctx.Err() == nil {
				misbehave(r.Addr().String(), random)
			}
		})
	}
	for i := 0; ctx.Err() == nil; i++ {
		payload := bytes.Repeat([]byte{byte('a' + i%26)}, i%5000)
		good.write(frame(text, payload))
		good.expect(text, payload)
	}
	wg.Wait()
	good.write(wsframetest.Bye)
	s.end(t)
	eventually(t, "all connections to be gone", func() bool { return r.metric(t, "rejoin_edge_connections") == 0 })
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	for _, s := range r.hub.all {
		s.mu.Lock()
		if s.closed != 1 {
			t.Errorf("a session was closed %d times", s.closed)
		}
		s.mu.Unlock()
	}
}

// misbehave opens one connection, sends part of something in pieces, and leaves in some way.
func misbehave(addr string, random *rand.Rand) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(100 * time.Millisecond))
	script := []byte(request(connect))
	cases := wsframetest.Cases()
	for range random.IntN(4) {
		script = append(script, cases[random.IntN(len(cases))].In...)
	}
	if random.IntN(3) == 0 {
		script = script[:random.IntN(len(script))]
	}
	for len(script) > 0 {
		n := min(len(script), 1+random.IntN(2000))
		if _, err := conn.Write(script[:n]); err != nil {
			return
		}
		script = script[n:]
	}
	switch random.IntN(4) {
	case 0:
		_ = conn.(*net.TCPConn).SetLinger(0)
	case 1:
		_ = conn.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
	case 2:
		_, _ = io.Copy(io.Discard, conn)
	}
}

// TestForeignClient talks through the client of gobwas/ws.
func TestForeignClient(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), nil)
	dialer := ws.Dialer{Protocols: []string{"rejoin.v1"}}
	conn, _, hs, err := dialer.Dial(t.Context(), "ws://"+r.Addr().String()+connect)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if hs.Protocol != "rejoin.v1" {
		t.Fatalf("protocol %q", hs.Protocol)
	}
	for range 3 {
		if err := wsutil.WriteClientBinary(conn, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		data, op, err := wsutil.ReadServerData(conn)
		if err != nil || op != ws.OpText || string(data) != "hello" {
			t.Fatalf("got %v %q %v", op, data, err)
		}
	}
}

// TestCoalescing: output queued during one event leaves in one segment.
func TestCoalescing(t *testing.T) {
	t.Parallel()
	hub := newHub()
	hub.onFrame = func(s *testSession, _ []byte) {
		for range 3 {
			s.conn.Deliver([]byte("abc"), nil)
		}
	}
	r := start(t, hub, nil)
	c, _ := r.open(t)
	c.write(frame(text, nil))
	var b [100]byte
	n, err := c.Read(b[:])
	if err != nil || n != 15 {
		t.Fatalf("read %d bytes, %v", n, err)
	}
}
