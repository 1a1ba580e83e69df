package e2e_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// TestStalledReaderLosesNothing: a client stops reading while a megabyte is sent to it. It costs the server a bound, and
// when it reads on it has everything, once, in order, on the same connection. R21.
func TestStalledReaderLosesNothing(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{true, false} {
		t.Run("plain="+strconv.FormatBool(plain), func(t *testing.T) {
			t.Parallel()
			ctx := limit(t)
			redis := "REDIS_URL=" + redistest.Server(t)
			x, y := proctest.Start(t, redis, "RATE_LIMIT_MESSAGES=0"), proctest.Start(t, redis)
			room := newRoom()
			extension := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension, Rate: -1})
			wallet := dial(ctx, t, client.Config{URL: y.URL(), Room: room, Source: client.Wallet, Plain: plain, Events: 1, Silence: -1})
			wallet.meet() // or its first message finds it without the sender, and is read from the mailbox, page by page
			const messages, size = 250, 3800
			fill(t, extension, extension.meet(), messages, size)
			waitFor(ctx, t, "the output to be full", func() bool { return y.Metric("rejoin_drops_total") > 0 })
			for i := range messages {
				got := wait[client.Data](wallet, func(ev client.Event) {
					if lost, ok := ev.(client.Disconnected); ok {
						t.Fatalf("disconnected: %v", lost.Err)
					}
				}).Payload
				if !strings.HasPrefix(got, strconv.Itoa(i)+" ") {
					t.Fatalf("message %d: got %.8s", i, got)
				}
			}
		})
	}
}
