package faultproxy_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/tools/verify/faultproxy"
)

const patience = 10 * time.Second

// target accepts connections and hands them to the test.
type target struct {
	net.Listener
	conns chan net.Conn
}

func newTarget(t *testing.T) *target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tg := &target{Listener: l, conns: make(chan net.Conn, 16)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			tg.conns <- c
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
		close(tg.conns)
		for c := range tg.conns {
			_ = c.Close()
		}
	})
	return tg
}

func (tg *target) next(t *testing.T) net.Conn {
	t.Helper()
	select {
	case c := <-tg.conns:
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(patience))
		return c
	case <-time.After(patience):
		t.Fatal("no connection reached the target")
		return nil
	}
}

func newProxy(t *testing.T, tg *target) *faultproxy.Proxy {
	t.Helper()
	p, err := faultproxy.Listen(tg.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func dial(t *testing.T, p *faultproxy.Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

func write(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, c net.Conn, want string) {
	t.Helper()
	buf := make([]byte, len(want))
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != want {
		t.Fatalf("read %q, %v; want %q", buf, err, want)
	}
}

func wantReset(t *testing.T, conns ...net.Conn) {
	t.Helper()
	for _, c := range conns {
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("read: %v, want a reset", err)
		}
	}
}

func await(t *testing.T, p *faultproxy.Proxy, ok func(faultproxy.Counts) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := p.Await(ctx, ok); err != nil {
		t.Fatal(err)
	}
}

func TestPassesBytesAndEnds(t *testing.T) {
	t.Parallel()
	tg := newTarget(t)
	p := newProxy(t, tg)
	client := dial(t, p)
	write(t, client, "ping")
	server := tg.next(t)
	read(t, server, "ping")
	write(t, server, "pong")
	read(t, client, "pong")
	_ = client.Close()
	if _, err := server.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatalf("target read: %v, want EOF", err)
	}
	_ = server.Close()
	await(t, p, func(c faultproxy.Counts) bool { return c.Open == 0 })
	if got, want := p.Counts(), (faultproxy.Counts{Accepted: 1, Up: 4, Down: 4}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
}

func TestSilentConnectionSwallowsBytesAndEnd(t *testing.T) {
	t.Parallel()
	tg := newTarget(t)
	p := newProxy(t, tg)
	deaf, witness := dial(t, p), dial(t, p)
	write(t, deaf, "a")
	server := tg.next(t)
	read(t, server, "a")
	for _, c := range p.Conns() {
		if c.ClientAddr() == deaf.LocalAddr().String() {
			c.Silence()
		}
	}
	write(t, deaf, "lost")
	_ = deaf.Close()
	write(t, witness, "b")
	read(t, tg.next(t), "b")
	// The deaf connection's target has heard nothing: what it reads next is the end of the proxy.
	p.Reset()
	if n, err := server.Read(make([]byte, 8)); n != 0 || err == nil || errors.Is(err, io.EOF) {
		t.Fatalf("target read %d bytes, %v; want a reset", n, err)
	}
}

func TestHeldAttemptArrivesLateAndEnds(t *testing.T) {
	t.Parallel()
	tg := newTarget(t)
	p := newProxy(t, tg)
	p.HoldNew()
	late := dial(t, p)
	write(t, late, "late attempt")
	_ = late.Close()
	await(t, p, func(c faultproxy.Counts) bool { return c.Accepted == 1 })
	p.PassNew()
	write(t, dial(t, p), "newer")
	read(t, tg.next(t), "newer")
	p.Conns()[0].Release()
	server := tg.next(t)
	read(t, server, "late attempt")
	if _, err := server.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatalf("target read: %v, want EOF after the held bytes", err)
	}
}

func TestResetAndRefuse(t *testing.T) {
	t.Parallel()
	tg := newTarget(t)
	p := newProxy(t, tg)
	client := dial(t, p)
	write(t, client, "x")
	server := tg.next(t)
	read(t, server, "x")
	p.Refuse(true)
	p.Reset()
	if late, err := net.Dial("tcp", p.Addr()); err == nil { // the reset may be faster than the call
		t.Cleanup(func() { _ = late.Close() })
	}
	wantReset(t, client, server)
	await(t, p, func(c faultproxy.Counts) bool { return c.Refused == 1 && c.Open == 0 })
}
