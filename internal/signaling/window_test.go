package signaling_test

import (
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// wantCalls fails unless there have been that many calls of that name, at these times after start.
func wantCalls(t *testing.T, b *scripted, name string, start time.Time, want ...time.Duration) {
	t.Helper()
	got := b.calls(name)
	if len(got) != len(want) {
		t.Fatalf("%d calls of %s, want %d", len(got), name, len(want))
	}
	for i, c := range got {
		if after := c.at.Sub(start); after != want[i] {
			t.Errorf("%s number %d after %v, want %v", name, i, after, want[i])
		}
	}
}

func TestTheHolderEndsTheWindow(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		c := wallet(newRoom()).rejoin().dial(t, hub)
		pass(0)
		c.lose()
		start := time.Now()
		pass(2 * testGrace)
		wantCalls(t, b, "expire", start, testGrace+time.Millisecond)
	})
}

func TestAPeersInstanceIsTheBackstop(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d := wallet(newRoom()).rejoin()
		c, _, peer := liveWith(t, hub, b, d)
		start := time.Now()
		tell(hub, d.room, streams.BellSuspended, peer, 2)
		c.expect(suspended(peer))
		pass(2 * testGrace)
		wantCalls(t, b, "expire", start, testGrace+300*time.Millisecond)
		for range 2 { // both instances' scripts may have tried; the second doorbell would be news of the same version
			tell(hub, d.room, streams.BellLeft, peer, 3)
		}
		c.got(gone(peer))
		pass(2 * testGrace)
		wantCalls(t, b, "expire", start, testGrace+300*time.Millisecond)
	})
}

func TestAWindowThatWasMeasuredShorterIsWaitedFor(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		left := []time.Duration{40 * time.Millisecond, 0}
		b.expire = func(string) (time.Duration, error) {
			d := left[0]
			left = left[1:]
			return d, nil
		}
		c := wallet(newRoom()).rejoin().dial(t, hub)
		pass(0)
		c.lose()
		start := time.Now()
		pass(2 * testGrace)
		wantCalls(t, b, "expire", start, testGrace+time.Millisecond, testGrace+42*time.Millisecond)
	})
}

func TestAWindowIsNotForgottenWhileRedisIsAway(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		c := wallet(newRoom()).rejoin().dial(t, hub)
		pass(0)
		c.lose()
		start := time.Now()
		pass(testGrace)
		b.script(func() { b.expire = func(string) (time.Duration, error) { return -1, streams.ErrUnavailable } })
		pass(3 * time.Second)
		b.script(func() { b.expire = nil })
		pass(time.Minute)
		const first, again = testGrace + time.Millisecond, time.Second + time.Millisecond
		wantCalls(t, b, "expire", start, first, first+again, first+2*again, first+3*again)
	})
}

func TestAClientThatIsBackStopsItsWindow(t *testing.T) {
	for name, kind := range map[string]streams.BellKind{
		"resumed elsewhere": streams.BellFenced, "left elsewhere": streams.BellLeft, "peer's doorbell": streams.BellResumed,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				d := extension(newRoom()).rejoin()
				c := d.dial(t, hub)
				pass(0)
				id := c.welcome().ClientID
				c.lose()
				pass(testGrace / 2)
				tell(hub, d.room, kind, id, 5)
				pass(2 * testGrace)
				wantCalls(t, b, "expire", time.Now())
			})
		})
	}
}

func TestOneWindowIsOneTimer(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		room := newRoom()
		var listeners []*client
		for range 3 {
			c, _, _ := liveWith(t, hub, b, wallet(room).rejoin())
			listeners = append(listeners, c)
		}
		e := extension(room).rejoin().dial(t, hub)
		pass(0)
		id := e.welcome().ClientID
		tell(hub, room, streams.BellJoined, id, 2)
		e.lose()
		tell(hub, room, streams.BellSuspended, id, 3)
		start := time.Now()
		pass(2 * testGrace)
		wantCalls(t, b, "expire", start, testGrace+time.Millisecond)
		tell(hub, room, streams.BellLeft, id, 4)
		for _, c := range listeners {
			c.got(just(id), suspended(id), gone(id))
		}
	})
}

func TestADetachIsRepeatedUntilRedisHearsOfIt(t *testing.T) {
	for name, err := range map[string]error{"away": streams.ErrUnavailable, "busy": streams.ErrBusy} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				c := wallet(newRoom()).rejoin().dial(t, hub)
				pass(0)
				b.script(func() { b.detach = func(streams.SessionRef) (streams.Holding, error) { return 0, err } })
				c.lose()
				pass(10 * time.Second)
				if n := len(b.calls("detach")); n < 9 || n > 11 {
					t.Errorf("%d tries in 10 s, want one a second", n)
				}
				b.script(func() { b.detach = nil })
				pass(2 * time.Second)
				tries := b.calls("detach")
				back := tries[len(tries)-1].at
				pass(2 * testGrace)
				if n := len(b.calls("detach")); n != len(tries) {
					t.Errorf("%d tries after it was heard", n-len(tries))
				}
				// The window counts from when Redis knows.
				if e := b.calls("expire"); len(e) != 1 || e[0].at.Sub(back) != testGrace+time.Millisecond {
					t.Errorf("window ended %+v, want once, a window after %v", e, back)
				}
			})
		})
	}
}

func TestALeaveIsRepeatedUntilRedisHearsOfIt(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		c := extension(newRoom()).dial(t, hub)
		pass(0)
		b.script(func() { b.leave = func(streams.SessionRef) (bool, error) { return false, streams.ErrUnavailable } })
		c.lose()
		pass(5 * time.Second)
		b.script(func() { b.leave = nil })
		pass(2 * time.Second)
		n := len(b.calls("leave"))
		pass(time.Minute)
		if again := len(b.calls("leave")); n < 5 || n > 7 || again != n {
			t.Errorf("%d tries while Redis was away, %d after", n, again-n)
		}
	})
}

// What ended how: leaving for good, or into the grace window.
func TestHowAConnectionEndsDecides(t *testing.T) {
	lost := signaling.Closure{By: signaling.ClosedByLoss}
	local := signaling.Closure{By: signaling.ClosedByServer}
	policy := signaling.Closure{By: signaling.ClosedForCause}
	client := func(code wire.CloseCode) signaling.Closure {
		return signaling.Closure{By: signaling.ClosedByClient, Code: code}
	}
	plainWallet, plainExtension, rejoin := wallet(newRoom()), extension(newRoom()), extension(newRoom()).rejoin()
	for _, tc := range []struct {
		name string
		d    dialer
		end  signaling.Closure
		want string
	}{
		{"rejoin.v1, 1000", rejoin, client(wire.CloseNormal), "leave"},
		{"rejoin.v1, 1001", rejoin, client(wire.CloseGoingAway), "detach"},
		{"rejoin.v1, no code", rejoin, client(wire.CloseNoStatus), "detach"},
		{"rejoin.v1, 4000", rejoin, client(4000), "detach"},
		{"rejoin.v1, lost", rejoin, lost, "detach"},
		{"rejoin.v1, policy", rejoin, policy, "detach"},
		{"rejoin.v1, local", rejoin, local, "detach"},
		{"plain wallet, 1000", plainWallet, client(wire.CloseNormal), "leave"},
		{"plain wallet, 1001", plainWallet, client(wire.CloseGoingAway), "leave"},
		{"plain wallet, no code", plainWallet, client(wire.CloseNoStatus), "leave"},
		{"plain wallet, lost", plainWallet, lost, "detach"},
		{"plain wallet, policy", plainWallet, policy, "leave"},
		{"plain wallet, local", plainWallet, local, "detach"}, // the edge stops: a draining instance held it
		{"plain extension, lost", plainExtension, lost, "leave"},
		{"plain extension, local", plainExtension, local, "leave"},
		{"plain extension, 1000", plainExtension, client(wire.CloseNormal), "leave"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				c := tc.d.dial(t, hub)
				pass(0)
				c.end(tc.end)
				c.session.Closed(tc.end) // once too often is no harm
				pass(time.Second)
				other := map[string]string{"leave": "detach", "detach": "leave"}[tc.want]
				if len(b.calls(tc.want)) != 1 || len(b.calls(other)) != 0 {
					t.Errorf("%d leaves, %d detaches, want one %s", len(b.calls("leave")), len(b.calls("detach")), tc.want)
				}
				if n := hub.Sessions(); n != 0 {
					t.Errorf("%d sessions", n)
				}
			})
		})
	}
}
