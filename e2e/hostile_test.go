package e2e_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
)

// hostileHeads are requests that end or hang other servers.
var hostileHeads = []string{
	"GET @[ HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET //[ HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /%zz?source=%&target HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET " + strings.Repeat("/a", 20_000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET / HTTP/9.9\r\n\r\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	"\r\n\r\n\r\n",
	"GET / HTTP/1.1\r\n: x\r\n\r\n",
	"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
	"GET /\x00\xff HTTP/1.1\r\nHost: x\r\n\r\n",
}

// TestNothingEndsTheProcess: whatever a client sends, as a head, as frames, as JSON or as a token, the process serves the
// next one, and keeps no goroutine for clients that are gone. R22.
func TestNothingEndsTheProcess(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	x := proctest.Start(t, "RATE_LIMIT_MESSAGES=0")
	room := newRoom()
	friend := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension})
	wait[client.Session](friend)
	before := x.Metric("go_goroutines")

	var wg sync.WaitGroup
	for _, head := range hostileHeads {
		wg.Go(func() { exchange(ctx, t, x.Addr(), head) })
	}
	for i := range 200 {
		garbage := make([]byte, 300)
		_, _ = rand.Read(garbage)
		protocol := ""
		if i%2 == 0 {
			protocol = "Sec-WebSocket-Protocol: rejoin.v1, rejoin.resume." + fmt.Sprintf("%x", garbage[:i%40]) + ", rejoin.after." + fmt.Sprintf("%d-%d", garbage[0], i) + "\r\n"
		}
		head := "GET /" + newRoom() + "?source=wallet&target=extension HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + protocol + "\r\n"
		wg.Go(func() { exchange(ctx, t, x.Addr(), head+string(garbage)) })
	}
	wg.Wait()

	w := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet})
	to := friend.meet()
	friend.send(to, "offer", "still here")
	if got := wait[client.Data](w).Payload; got != "still here" {
		t.Errorf("got %q", got)
	}
	// One goroutine may serve this very request; the rest is as before.
	waitFor(ctx, t, "goroutines to end", func() bool { return x.Metric("go_goroutines") <= before+1 })
	waitFor(ctx, t, "connections to end", func() bool { return x.Metric("rejoin_sessions") <= 2 })
}

// exchange sends bytes and reads until the server ends the connection, or has answered and hears no more.
func exchange(ctx context.Context, t *testing.T, addr, bytes string) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		t.Errorf("not accepted any more: %v", err)
		return
	}
	defer c.Close()
	_, _ = io.WriteString(c, bytes)
	_ = c.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, bufio.NewReader(c))
}

// waitFor polls a condition until it holds or ctx ends.
func waitFor(ctx context.Context, t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
