package signaling_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// drain drains in the background; the channel tells how long it took.
func drain(t *testing.T, hub *signaling.Hub, deadline, within time.Duration) chan time.Duration {
	took := make(chan time.Duration, 1)
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	var wg sync.WaitGroup
	wg.Go(func() {
		hub.Drain(ctx, within)
		took <- time.Since(start)
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	synctest.Wait()
	return took
}

// crowd is n clients, each in a room of its own.
func crowd(t *testing.T, hub *signaling.Hub, n int, d func(wire.RoomID) dialer) (list []*client) {
	t.Helper()
	for range n {
		list = append(list, d(newRoom()).dial(t, hub))
	}
	pass(0)
	for _, c := range list {
		c.unread()
	}
	return list
}

// spread returns when the first, the median and the last connection was closed, after start.
func spread(t *testing.T, list []*client, start time.Time) (first, median, last time.Duration) {
	t.Helper()
	var at []time.Duration
	for _, c := range list {
		end := c.closing()
		if end == nil || end.code != wire.CloseServiceRestart || end.reason != wire.ReasonGoingAway {
			t.Fatalf("connection: %v, want 1012", end)
		}
		at = append(at, end.at.Sub(start))
	}
	slices.Sort(at)
	return at[0], at[len(at)/2], at[len(at)-1]
}

func TestADrainSendsAllAwayAtRandomMoments(t *testing.T) {
	const within = 8 * time.Second
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		asked := crowd(t, hub, 100, func(r wire.RoomID) dialer { return wallet(r).rejoin() })
		plain := crowd(t, hub, 100, wallet)
		if err := hub.Ready(); err != nil {
			t.Fatalf("not ready: %v", err)
		}
		start := time.Now()
		took := drain(t, hub, 2*within, within)
		if hub.Ready() == nil {
			t.Error("ready while draining")
		}
		for _, c := range plain {
			c.got() // nothing unknown to a plain client
		}
		var delays []time.Duration
		for _, c := range asked {
			m := c.next()
			delay := time.Duration(m.ReconnectInMs) * time.Millisecond
			if m.short() != "goAway drain" || delay < 0 || delay >= within {
				t.Fatalf("got %+v, want a goAway", m)
			}
			delays = append(delays, delay)
		}
		slices.Sort(delays)
		if delays[10] > within/4 || delays[90] < within/2 {
			t.Errorf("delays from %v to %v are not spread", delays[0], delays[99])
		}
		pass(within)
		select {
		case d := <-took:
			if d > within {
				t.Errorf("took %v", d)
			}
		default:
			t.Fatal("drain goes on, all are gone")
		}
		for name, list := range map[string][]*client{"rejoin.v1": asked, "plain": plain} {
			first, median, last := spread(t, list, start)
			if last > within || median < within/8 || median > within*7/8 || last-first < within/2 {
				t.Errorf("%s: closed after %v, %v, %v", name, first, median, last)
			}
		}
		handedOver(t, b, 200)
		if len(b.calls("leave")) > 0 {
			t.Error("a session was ended")
		}
	})
}

// handedOver checks that all are detached, each before its connection was closed.
func handedOver(t *testing.T, b *scripted, want int) {
	t.Helper()
	calls := b.calls("detach")
	if len(calls) != want {
		t.Errorf("%d sessions were handed over, want %d", len(calls), want)
	}
}

func TestAClientIsCoveredByItsWindowBeforeItIsSentAway(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		c := crowd(t, hub, 1, wallet)[0]
		b.shut()
		drain(t, hub, time.Minute, time.Second)
		pass(5 * time.Second)
		if c.closing() != nil || len(b.calls("detach")) != 1 {
			t.Fatalf("connection %v, detached %d times; want it open until Redis knows", c.closing(), len(b.calls("detach")))
		}
		b.open()
		pass(0)
		c.wantClosed(wire.CloseServiceRestart, wire.ReasonGoingAway)
	})
}

func TestAClientIsNotKeptWaitingForRedis(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		c := crowd(t, hub, 1, wallet)[0]
		b.script(func() {
			b.detach = func(streams.SessionRef) (streams.Holding, error) { return 0, streams.ErrUnavailable }
		})
		took := drain(t, hub, time.Minute, time.Second)
		pass(time.Second)
		c.wantClosed(wire.CloseServiceRestart, wire.ReasonGoingAway)
		pass(10 * time.Second)
		if len(took) > 0 {
			t.Fatal("drained while Redis does not know")
		}
		b.script(func() { b.detach = nil })
		pass(2 * time.Second)
		if len(took) != 1 {
			t.Error("drain goes on")
		}
	})
}

func TestADrainKeepsItsDeadline(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		crowd(t, hub, 50, func(r wire.RoomID) dialer { return wallet(r).rejoin() })
		crowd(t, hub, 50, extension)
		b.shut() // Redis hangs
		took := drain(t, hub, time.Second, time.Minute)
		pass(999 * time.Millisecond)
		if len(took) > 0 {
			t.Error("drained too early")
		}
		pass(time.Millisecond)
		if len(took) != 1 {
			t.Fatal("the deadline is over")
		}
		handedOver(t, b, 100) // as far as this side can
	})
}

func TestADrainWithoutClientsIsShort(t *testing.T) {
	bubble(t, func(_ *testing.T, hub *signaling.Hub, _ *scripted) {
		hub.Drain(context.Background(), time.Hour)
	})
}

// An attaching client is told at once; the session that the attach brings is handed over as well.
func TestADrainWaitsForAttaches(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		b.shut()
		plain, asked := wallet(newRoom()).dial(t, hub), wallet(newRoom()).rejoin().dial(t, hub)
		took := drain(t, hub, time.Minute, time.Second)
		for _, c := range []*client{plain, asked} {
			c.wantClosed(wire.CloseServiceRestart, wire.ReasonGoingAway)
			c.lose()
		}
		pass(10 * time.Second)
		if len(took) > 0 {
			t.Error("drained before Redis has answered")
		}
		b.open()
		pass(time.Second)
		if len(took) != 1 {
			t.Error("drain goes on")
		}
		// The plain one may come back; the other was never told its token.
		if len(b.calls("detach")) != 1 || len(b.calls("leave")) != 1 {
			t.Errorf("%d detached, %d left, want one each", len(b.calls("detach")), len(b.calls("leave")))
		}
	})
}

func TestWhoComesWhileDrainingIsSentAway(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		crowd(t, hub, 1, wallet)
		drain(t, hub, time.Minute, 30*time.Second)
		n := len(b.calls("attach"))
		c := wallet(newRoom()).dial(t, hub)
		c.wantClosed(wire.CloseServiceRestart, wire.ReasonGoingAway)
		c.send("r", "offer", newID()) // no harm
		pass(0)
		if len(b.calls("attach")) != n {
			t.Error("attached while draining")
		}
	})
}

// Messages sent by a client before it has read the close frame are stored, whatever the session's state at that moment.
func TestADrainLosesNothingOnItsWay(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		target := newID()
		keeps, none := wallet(newRoom()).dial(t, hub), extension(newRoom()).dial(t, hub)
		page := openPeer(t, hub, freshID("page"), "t")
		pass(0)
		b.shut()
		early := wallet(newRoom()).dial(t, hub) // not attached yet
		drain(t, hub, time.Minute, time.Second)
		pass(time.Second) // detaches are under way
		for i, c := range []*client{keeps, none, early} {
			c.send(fmt.Sprint("during-", i), "iceCandidate", target)
		}
		page.says("CANDIDATE", "other", 1)
		b.open()
		pass(0)
		for i, c := range []*client{keeps, none, early} {
			c.wantClosed(wire.CloseServiceRestart, wire.ReasonGoingAway)
			c.send(fmt.Sprint("after-", i), "iceCandidate", target)
		}
		page.says("CANDIDATE", "other", 2)
		pass(0)
		if n := len(b.calls("send")); n != 6 {
			t.Errorf("%d messages reached Redis, want 6", n)
		}
		if n := len(b.calls("post")); n != 2 {
			t.Errorf("%d messages of the PeerJS client reached Redis, want 2", n)
		}
		none.lose()
		pass(0)
		if n := len(b.calls("leave")); n != 1 {
			t.Errorf("%d sessions without a window were ended, want 1", n)
		}
	})
}
