package e2e_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// TestIdleBeforeTheDrop: a wallet sits idle while thousands of messages pass through other rooms on the same Redis, and then
// drops: it gets what it missed, as if it had not waited. A clean close then reaches the other instance. R4, R14.
func TestIdleBeforeTheDrop(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	redis := "REDIS_URL=" + redistest.Server(t)
	x, y := proctest.Start(t, redis, "RATE_LIMIT_MESSAGES=0"), proctest.Start(t, redis)
	room := newRoom()
	extension := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension})
	wallet := dial(ctx, t, client.Config{URLs: []string{y.URL(), x.URL()}, Room: room, Source: client.Wallet})
	id := extension.meet()

	var others sync.WaitGroup
	for range 5 {
		busy := newRoom()
		from := dial(ctx, t, client.Config{URL: x.URL(), Room: busy, Source: client.Extension, Rate: -1})
		to := dial(ctx, t, client.Config{URL: y.URL(), Room: busy, Source: client.Wallet})
		target := from.meet()
		messages := many(5000)
		others.Go(func() {
			for range messages {
				err := client.ErrMailboxFull
				for errors.Is(err, client.ErrMailboxFull) { // the receiver is slower than we are
					err = from.Send(ctx, client.Message{Target: target, Method: "iceCandidate"})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
		others.Go(func() {
			for range messages {
				wait[client.Data](to)
			}
		})
	}
	others.Wait()

	wallet.Drop()
	for i := range 5 {
		extension.send(id, "iceCandidate", strconv.Itoa(i))
	}
	for i := range 5 {
		if got := wait[client.Data](wallet).Payload; got != strconv.Itoa(i) {
			t.Fatalf("message %d: got %s", i, got)
		}
	}
	if err := wallet.Close(ctx); err != nil {
		t.Error(err)
	}
	if gone := wait[client.PeerDisconnected](extension); gone.ID != id {
		t.Errorf("%s left, want %s", gone.ID, id)
	}
}
