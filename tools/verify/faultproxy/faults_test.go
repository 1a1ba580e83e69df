package faultproxy_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/tools/verify/faultproxy"
)

// pair is a client and the target's end of its connection, after a first exchange.
func pair(t *testing.T, tg *target, p *faultproxy.Proxy) (client, server net.Conn) {
	t.Helper()
	client = dial(t, p)
	write(t, client, "hello")
	server = tg.next(t)
	read(t, server, "hello")
	return client, server
}

// TestSlow: what is slow arrives whole and in order, and at once when it is cured.
func TestSlow(t *testing.T) {
	t.Parallel()
	tg := newTarget(t)
	p := newProxy(t, tg)
	client, server := pair(t, tg, p)
	for _, way := range []faultproxy.Direction{faultproxy.Up, faultproxy.Down} {
		p.Slow(way, faultproxy.Pace{Latency: 2 * time.Millisecond, Jitter: time.Millisecond, Rate: 100 << 20})
	}
	long := strings.Repeat("0123456789", 10<<10)
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		go func() { _, _ = io.WriteString(way[0], long) }()
		read(t, way[1], long)
	}

	p.Slow(faultproxy.Down, faultproxy.Pace{Latency: time.Hour})
	write(t, server, "late")
	write(t, client, "a witness")
	read(t, server, "a witness")
	if n := p.Counts().Down; n != int64(len(long)) {
		t.Errorf("%d bytes came down an hour early", n-int64(len(long)))
	}
	p.Cure()
	read(t, client, "late")
	_ = server.Close()
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the end of a connection that was slow: %v", err)
	}
}

// TestSlowIsBounded: a client that keeps sending is made to wait.
func TestSlowIsBounded(t *testing.T) {
	t.Parallel()
	tg := newTarget(t)
	p := newProxy(t, tg)
	p.Slow(faultproxy.Up, faultproxy.Pace{Latency: time.Hour})
	client := dial(t, p)
	_ = client.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	if n, err := client.Write(make([]byte, 64<<20)); err == nil {
		t.Errorf("%d bytes were taken", n)
	}
}

func TestLimitDown(t *testing.T) {
	t.Parallel()
	tg := newTarget(t)
	p := newProxy(t, tg)
	old, oldServer := pair(t, tg, p)
	write(t, oldServer, "before")
	read(t, old, "before")
	p.LimitDown(4)
	client, server := pair(t, tg, p)
	write(t, oldServer, "cut here")
	write(t, server, "cu")
	write(t, server, "t here")
	for _, c := range []net.Conn{old, client} {
		read(t, c, "cut ")
		if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Errorf("%d more bytes, %v", n, err)
		}
	}
	p.Cure()
	client, server = pair(t, tg, p)
	write(t, server, "whole again")
	read(t, client, "whole again")
}

// TestFilterDown: each connection has a filter of its own.
func TestFilterDown(t *testing.T) {
	t.Parallel()
	tg := newTarget(t)
	p := newProxy(t, tg)
	dropped := make(chan struct{})
	p.FilterDown(func() func([]byte) bool {
		seen := 0
		return func([]byte) bool {
			if seen++; seen == 2 {
				dropped <- struct{}{}
			}
			return seen != 2
		}
	})
	for range 2 {
		client, server := pair(t, tg, p)
		for _, chunk := range []string{"first", "second", "third"} {
			write(t, server, chunk)
			if chunk == "second" {
				<-dropped
				continue
			}
			read(t, client, chunk)
		}
	}
}

// TestCure resets what was silent, for bytes are missing there, and lets new connections pass.
func TestCure(t *testing.T) {
	t.Parallel()
	tg := newTarget(t)
	p := newProxy(t, tg)
	client, server := pair(t, tg, p)
	p.Silence()
	p.Cure()
	wantReset(t, client, server)
	pair(t, tg, p)
}

func TestCut(t *testing.T) {
	t.Parallel()
	tg := newTarget(t)
	p := newProxy(t, tg)
	client, server := pair(t, tg, p)
	p.Cut()
	for _, c := range []net.Conn{client, server} {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("read: %v, want a clean end", err)
		}
	}
	pair(t, tg, p)
}
