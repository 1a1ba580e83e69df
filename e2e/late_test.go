package e2e_test

import (
	"context"
	"testing"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/tools/verify/faultproxy"
)

// TestOwnSlowAttemptDoesNotEvict: a client's resume is held up in the network; the client gives up, resumes elsewhere, and
// only then the first attempt reaches the server. It must not evict the second. R5.
func TestOwnSlowAttemptDoesNotEvict(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	redis := "REDIS_URL=" + redistest.Server(t)
	x, y := proctest.Start(t, redis), proctest.Start(t, redis)
	slow, err := faultproxy.Listen(y.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slow.Close() })
	room := newRoom()
	extension := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension})
	first := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet})
	id := extension.meet()
	position := first.Position()
	first.Abort()

	slow.HoldNew()
	attempt, giveUp := context.WithCancel(ctx)
	held := make(chan struct{})
	go func() {
		defer close(held)
		if c, err := client.Dial(attempt, client.Config{URL: "ws://" + slow.Addr(), Room: room, Source: client.Wallet, Resume: &position}); err == nil {
			c.Abort()
			t.Error("the held attempt got through")
		}
	}()
	if err := slow.Await(ctx, func(c faultproxy.Counts) bool { return c.Open == 1 }); err != nil {
		t.Fatal(err)
	}
	giveUp()
	<-held

	second := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet, Resume: &position})
	if s := wait[client.Session](second); !s.Resumed || s.ClientID != id {
		t.Fatalf("not resumed: %s", s.Reason)
	}
	extension.send(id, "offer", "one") // its confirmation and the ack below are behind the second attempt's first ack
	if got := wait[client.Data](second).Payload; got != "one" {
		t.Fatalf("got %q", got)
	}
	for _, c := range slow.Conns() {
		c.Release()
	}
	if err := slow.Await(ctx, func(c faultproxy.Counts) bool { return c.Open == 0 }); err != nil {
		t.Fatal(err)
	}
	extension.send(id, "offer", "two")
	if got := wait[client.Data](second, func(ev client.Event) {
		if d, ok := ev.(client.Disconnected); ok {
			t.Errorf("evicted: %v", d.Err)
		}
	}).Payload; got != "two" {
		t.Fatalf("got %q", got)
	}
}
