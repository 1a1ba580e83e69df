package e2e_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
)

// dialRaw sends bytes and returns the connection.
func dialRaw(ctx context.Context, t *testing.T, addr, bytes string) net.Conn {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, bytes); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSoakPingsAreSpread: clients that come in one moment are not pinged in one moment, and those that never answer are
// given up, one by one, while one that answers stays. R20.
func TestSoakPingsAreSpread(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	x := proctest.Start(t, "PING_INTERVAL=8s", "RESUME_BY_ROLE=none")
	alive := dial(ctx, t, client.Config{URL: x.URL(), Room: newRoom(), Source: client.Wallet, Silence: -1})
	const deaf = 100
	var wg sync.WaitGroup
	var mu sync.Mutex
	var first, last time.Time // of the pings
	for range deaf {
		c := dialRaw(ctx, t, x.Addr(), upgradeHead(newRoom()))
		wg.Go(func() {
			r := bufio.NewReader(c)
			for line := ""; line != "\r\n"; {
				var err error
				if line, err = r.ReadString('\n'); err != nil {
					t.Errorf("read the head: %v", err)
					return
				}
			}
			if frame, err := io.ReadAll(io.LimitReader(r, 2)); err != nil || string(frame) != "\x89\x00" {
				t.Errorf("got %x, %v; want a ping", frame, err)
			}
			mu.Lock()
			if last = time.Now(); first.IsZero() {
				first = last
			}
			mu.Unlock()
			if rest, _ := io.ReadAll(r); len(rest) > 0 { // until it is given up
				t.Errorf("after the ping came %x", rest)
			}
		})
	}
	wg.Wait()
	if spread := last.Sub(first); spread < 100*time.Millisecond {
		t.Errorf("all were pinged within %v", spread)
	}
	if lost := x.Metric("rejoin_edge_drops_total"); lost < deaf {
		t.Errorf("%v were given up, want %d", lost, deaf)
	}
	waitFor(ctx, t, "the sessions to end", func() bool { return x.Metric("rejoin_sessions") == 1 })
	if alive.ClientID() == "" || alive.Err() != nil {
		t.Errorf("the one that answers was given up as well: %v", alive.Err())
	}
}

// TestSoakTricklers: 10,000 connections (a tenth without REJOIN_SOAK) send a byte a second, half of them of a head, half of a message, while
// two clients talk. These lose nothing and stay connected; the others cost a bound, and it is given back. Latencies are measured by
// the load test's scenario hostile. R21.
func TestSoakTricklers(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	x := proctest.StartPlain(t)
	room := newRoom()
	extension := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension})
	wallet := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet})
	to := extension.meet()
	tricklers := make([]net.Conn, many(10_000))
	for i := range tricklers {
		text := "GET /" + newRoom() + "?source=wallet&target="
		if i%2 == 0 {
			text = upgradeHead(newRoom()) + "\x81\xfe\xea\x60\x00\x00\x00\x00"
		}
		tricklers[i] = dialRaw(ctx, t, x.Addr(), text)
	}
	open := func() float64 { return x.Metric("rejoin_edge_connections") }
	waitFor(ctx, t, "the upgrades", func() bool { return open() >= float64(len(tricklers)/2) })
	for n := range 5 {
		tick := time.NewTimer(time.Second)
		for _, c := range tricklers {
			_, _ = c.Write([]byte{'e'})
		}
		for talk := true; talk; {
			extension.send(to, "iceCandidate", strconv.Itoa(n))
			if got := wait[client.Data](wallet, stays(t)).Payload; got != strconv.Itoa(n) {
				t.Fatalf("got %q", got)
			}
			select {
			case <-tick.C:
				talk = false
			case <-time.After(20 * time.Millisecond): // below the limit on messages a second
			}
		}
	}
	if held := x.Metric("rejoin_edge_buffered_bytes"); held == 0 || held > x.Metric("rejoin_edge_max_buffered_bytes") {
		t.Errorf("%v bytes are held for what is incomplete", held)
	}
	for _, c := range tricklers {
		_ = c.Close()
	}
	waitFor(ctx, t, "it to be given back", func() bool { return x.Metric("rejoin_edge_buffered_bytes") == 0 && open() == 2 })
	extension.send(to, "offer", "at the end")
	if got := wait[client.Data](wallet, stays(t)).Payload; !strings.Contains(got, "at the end") {
		t.Errorf("got %q", got)
	}
}

// stays fails the test when a client is cut off.
func stays(t *testing.T) func(client.Event) {
	return func(ev client.Event) {
		if lost, ok := ev.(client.Disconnected); ok {
			t.Errorf("disconnected: %v", lost.Err)
		}
	}
}
