package e2e_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// TestDropsAllResume: 10,000 drops with reconnects at once, all of them resumed (a tenth without REJOIN_SOAK). R1, R3.
func TestDropsAllResume(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	redis := "REDIS_URL=" + redistest.Server(t)
	x, y := proctest.Start(t, redis), proctest.Start(t, redis)
	const clients = 25
	drops := many(10_000) / clients
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			p := dial(ctx, t, client.Config{URLs: []string{x.URL(), y.URL()}, Room: newRoom(), Source: client.Wallet})
			id := wait[client.Session](p).ClientID
			for i := range drops {
				p.Drop()
				s := wait[client.Session](p)
				if !s.Resumed || s.ClientID != id {
					t.Errorf("drop %d: not resumed (%s)", i, s.Reason)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestKilledInstanceLosesNothing: an instance that holds many clients is killed; all of them resume elsewhere, and
// everything that was confirmed arrives once, in order. R2, R12.
func TestKilledInstanceLosesNothing(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	redis := "REDIS_URL=" + redistest.Server(t)
	x, y := proctest.Start(t, redis), proctest.Start(t, redis)
	const pairs, messages = 10, 30
	half := make(chan struct{}, pairs)
	var wg sync.WaitGroup
	for range pairs {
		room := newRoom()
		extension := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension})
		wallet := dial(ctx, t, client.Config{URLs: []string{y.URL(), x.URL()}, Room: room, Source: client.Wallet})
		to := extension.meet()
		wg.Go(func() {
			for i := range messages {
				if i == messages/2 {
					half <- struct{}{}
				}
				extension.send(to, "iceCandidate", strconv.Itoa(i))
			}
		})
		wg.Go(func() {
			for i := range messages {
				if got := wait[client.Data](wallet).Payload; got != strconv.Itoa(i) {
					t.Errorf("message %d: got %s", i, got)
					return
				}
			}
		})
	}
	<-half // the traffic is under way
	y.Kill()
	wg.Wait()
}

// TestFlappingLeavesNoGhosts: 1,000 clients (a tenth without REJOIN_SOAK) connect and leave at once; who watches hears
// each of them connect before it disconnects, never the other way round, never twice. R13.
func TestFlappingLeavesNoGhosts(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	redis := "REDIS_URL=" + redistest.Server(t)
	x, y := proctest.Start(t, redis), proctest.Start(t, redis)
	room := newRoom()
	watcher := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension, Plain: true})
	watcher.settle()
	flaps := many(1000)
	go func() {
		var wg sync.WaitGroup
		for w := range 5 {
			wg.Go(func() {
				for range flaps / 5 {
					c, err := client.Dial(ctx, client.Config{URL: y.URL(), Room: room, Source: client.Wallet, Plain: w%2 == 0})
					if err != nil {
						t.Errorf("dial: %v", err)
						return
					}
					_ = c.Close(ctx)
				}
			})
		}
		wg.Wait()
		last, err := client.Dial(ctx, client.Config{URL: y.URL(), Room: room, Source: client.Wallet})
		if err != nil {
			t.Errorf("dial: %v", err)
			return
		}
		t.Cleanup(last.Abort)
		// The client announced last is still there: this message ends the test.
		for {
			ev, err := last.Next(ctx)
			if err != nil {
				return
			}
			if s, ok := ev.(client.Session); ok && len(s.Peers) == 1 {
				_ = last.Send(ctx, client.Message{Target: s.Peers[0].ID, Method: "offer", EncryptedPayload: "end"})
			}
		}
	}()
	// A visit may be registered after its visitor has closed, and end after the last message: all ends are waited for.
	here, last := map[string]bool{}, ""
	others := func() (n int) {
		for id, present := range here {
			if present && id != last {
				n++
			}
		}
		return n
	}
	for last == "" || others() > 0 {
		ev, err := watcher.Next(ctx)
		if err != nil {
			t.Fatalf("%d ghosts, last one heard of: %t: %v", others(), last != "", err)
		}
		switch ev := ev.(type) {
		case client.PeerAlreadyConnected:
			t.Errorf("%s was there before the first visit", ev.ID)
		case client.PeerConnected:
			if _, known := here[ev.ID]; known {
				t.Errorf("%s connected twice", ev.ID)
			}
			here[ev.ID] = true
		case client.PeerDisconnected:
			if !here[ev.ID] {
				t.Errorf("%s disconnected before it connected, or twice", ev.ID)
			}
			here[ev.ID] = false
		case client.Data:
			last = ev.From
		}
	}
}

// TestDeadInstanceEndsWindowsOnce: the instance of a wallet is killed for good; when its window ends, its peers on two
// instances hear so exactly once each. R6, R13.
func TestDeadInstanceEndsWindowsOnce(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"redis": redistest.Server, "cluster": redistest.Cluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := limit(t)
			settings := []string{"REDIS_URL=" + url(t), "GRACE_WINDOW=1s", "INSTANCE_LEASE=1s"}
			x, y, z := proctest.Start(t, settings...), proctest.Start(t, settings...), proctest.Start(t, settings...)
			room := newRoom()
			peers := []peer{
				dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension}),
				dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension, Plain: true}),
				dial(ctx, t, client.Config{URL: z.URL(), Room: room, Source: client.Extension}),
			}
			dial(ctx, t, client.Config{URL: y.URL(), Room: room, Source: client.Wallet})
			var id string
			for _, p := range peers {
				id = p.meet()
			}
			peers[0].send(id, "offer", "never read")
			y.Kill()
			for i, p := range peers {
				if gone := wait[client.PeerDisconnected](p); gone.ID != id || (i == 0) != (len(gone.Undelivered) == 1) {
					t.Errorf("peer %d heard %+v of %s", i, gone, id)
				}
			}
			// Exactly once: the next that each hears is the next wallet.
			next := dial(ctx, t, client.Config{URL: z.URL(), Room: room, Source: client.Wallet})
			nextID := wait[client.Session](next).ClientID
			for i, p := range peers {
				if ev, ok := p.next().(client.PeerConnected); !ok || ev.ID != nextID {
					t.Errorf("peer %d heard %+v, want the next wallet", i, ev)
				}
			}
		})
	}
}
