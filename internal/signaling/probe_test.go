package signaling_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

const nonce = "0123456789abcdef"

// contest answers the first attach with probes to these clients, and later ones with success.
func contest(b *scripted, clients ...string) {
	b.attach = func(a streams.Attach) (streams.Attached, error) {
		if a.Probed {
			return fresh(a), nil
		}
		r := streams.Attached{Verdict: streams.Contested, Nonce: nonce}
		for _, c := range clients {
			r.Contested = append(r.Contested, streams.SessionRef{Room: a.Room, Client: c, Session: "of " + c})
		}
		return r, nil
	}
}

func alive(hub *signaling.Hub, client string) {
	hub.Bell(&streams.Bell{Kind: streams.BellAlive, Nonce: nonce, Client: client})
}

func wantAttachedAgain(t *testing.T, b *scripted, start time.Time, after time.Duration, dead ...string) {
	t.Helper()
	calls := b.calls("attach")
	if len(calls) != 2 {
		t.Fatalf("%d attaches, want 2", len(calls))
	}
	again := calls[1]
	var names []string
	for _, ref := range again.attach.Dead {
		names = append(names, ref.Client)
	}
	if got := again.at.Sub(start); got != after || !again.attach.Probed || fmt.Sprint(names) != fmt.Sprint(dead) {
		t.Errorf("attached again after %v, probed: %v, dead: %v; want after %v, dead: %v", got, again.attach.Probed, names, after, dead)
	}
}

func TestAJoinerWaitsForAllProbes(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		contest(b, "a", "b")
		start := time.Now()
		c := wallet(newRoom()).dial(t, hub)
		pass(10 * time.Millisecond)
		alive(hub, "a")
		alive(hub, "a")
		alive(hub, "stranger")
		pass(10 * time.Millisecond)
		c.send("r", "offer", newID())
		alive(hub, "b")
		pass(0)
		wantAttachedAgain(t, b, start, 20*time.Millisecond)
		c.got(confirmed("r"))
		pass(2 * streams.ProbeTimeout)
		wantAttachedAgain(t, b, start, 20*time.Millisecond) // and no third time
	})
}

func TestWhoDoesNotAnswerAProbeIsDead(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		contest(b, "a", "b", "c")
		start := time.Now()
		wallet(newRoom()).dial(t, hub)
		pass(10 * time.Millisecond)
		alive(hub, "b")
		pass(2 * time.Second)
		wantAttachedAgain(t, b, start, streams.ProbeTimeout, "a", "c")
		alive(hub, "a") // too late
		pass(2 * time.Second)
		wantAttachedAgain(t, b, start, streams.ProbeTimeout, "a", "c")
	})
}

// The answer travels by pub/sub, attach's reply by the pipeline: the answer may be faster.
func TestAProbeMayBeAnsweredBeforeTheJoinerKnowsOfIt(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		contest(b, "a")
		b.shut()
		start := time.Now()
		wallet(newRoom()).dial(t, hub)
		alive(hub, "a")
		b.open()
		pass(time.Second)
		wantAttachedAgain(t, b, start, 0)
	})
}

func TestTheJoinerLeavesWhileItsRivalsAreProbed(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		contest(b, "a")
		c := wallet(newRoom()).dial(t, hub)
		pass(10 * time.Millisecond)
		c.lose()
		pass(2 * time.Second)
		if n := len(b.calls("attach")); n != 1 || hub.Sessions() != 0 {
			t.Errorf("%d attaches, %d sessions, want 1 and none", n, hub.Sessions())
		}
		if len(b.calls("leave"))+len(b.calls("detach")) != 0 {
			t.Error("ended a session that never was")
		}
	})
}

// probeOf is a probe of the session of the last attach.
func probeOf(b *scripted, room wire.RoomID, client, nonce string) *streams.Bell {
	calls := b.calls("attach")
	return &streams.Bell{
		Kind: streams.BellProbe, Room: room.String(), Client: client, Role: wire.Wallet.Text(), Dialect: byte(wire.Plain),
		Session: calls[len(calls)-1].attach.Session, Instance: "here", ReplyTo: "there", Nonce: nonce,
	}
}

func TestAProbeIsAnsweredByThePong(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d := wallet(newRoom()).pongless()
		c, me, _ := liveWith(t, hub, b, d)
		hub.Bell(probeOf(b, d.room, me, nonce))
		pings := c.pinged()
		if len(pings) != 1 {
			t.Fatalf("pings %q, want one", pings)
		}
		c.session.Pong([]byte("pffffffffffffffff"))
		c.session.Pong([]byte("p"))
		if n := len(b.calls("alive there " + nonce)); n != 0 {
			t.Fatal("alive by the wrong pong")
		}
		c.session.Pong([]byte(pings[0]))
		c.session.Pong([]byte(pings[0]))
		if got := b.calls("alive there " + nonce); len(got) != 1 || got[0].client != me {
			t.Fatalf("answers %+v, want one for %s", got, me)
		}
	})
}

// Two may come back at once, and a client may answer the latest of several pings only.
func TestTheLatestPongAnswersAllProbes(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d := wallet(newRoom()).pongless()
		c, me, _ := liveWith(t, hub, b, d)
		for i := range 3 {
			hub.Bell(probeOf(b, d.room, me, fmt.Sprintf("%016d", i)))
		}
		c.session.Pong([]byte(c.pinged()[1]))
		for i, want := range []int{1, 1, 0} {
			if got := len(b.calls(fmt.Sprintf("alive there %016d", i))); got != want {
				t.Errorf("%d answers to probe %d, want %d", got, i, want)
			}
		}
		c.session.Pong([]byte(c.pinged()[2]))
		if got := len(b.calls(fmt.Sprintf("alive there %016d", 2))); got != 1 {
			t.Errorf("%d answers to the last probe", got)
		}
	})
}

func TestProbesOfADeadClientAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d := wallet(newRoom()).pongless()
		c, me, _ := liveWith(t, hub, b, d)
		for i := range 1000 {
			hub.Bell(probeOf(b, d.room, me, fmt.Sprintf("%016d", i)))
		}
		c.session.Pong([]byte(fmt.Sprintf("p%016d", 999)))
		answered := 0
		for i := range 1000 {
			answered += len(b.calls(fmt.Sprintf("alive there %016d", i)))
		}
		if answered != 64 {
			t.Errorf("%d probes were kept, want 64", answered)
		}
	})
}

func TestAConnectionThatIsBeingAttachedIsAliveToo(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		b.shut()
		d := wallet(newRoom())
		d.dial(t, hub)
		me := b.calls("attach")[0].client
		hub.Bell(probeOf(b, d.room, me, nonce))
		b.open()
		pass(0)
		if got := b.calls("alive there " + nonce); len(got) != 1 || got[0].client != me {
			t.Errorf("answers %+v, want one", got)
		}
	})
}

func TestAConnectionIsFencedWhileItIsBeingAttached(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		b.sync = func(streams.SessionRef, streams.EntryID) (streams.Synced, error) {
			return streams.Synced{Holding: streams.HoldingFenced}, nil
		}
		b.shut()
		d := wallet(newRoom()).rejoin()
		c := d.dial(t, hub)
		bell := probeOf(b, d.room, b.calls("attach")[0].client, nonce)
		bell.Kind = streams.BellFenced
		hub.Bell(bell)
		b.open()
		pass(0)
		c.wantClosed(wire.CloseResumedElsewhere, wire.ReasonResumedElsewhere)
		if len(b.calls("detach"))+len(b.calls("leave")) != 0 || hub.Sessions() != 0 {
			t.Error("a fenced connection ended a session that is another's")
		}
	})
}

// A client that closed and is back at once must not wait for an answer from a closed connection.
func TestAProbeOfWhoIsNotHereIsAnsweredOnceRedisKnows(t *testing.T) {
	t.Run("left", func(t *testing.T) {
		bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
			d := wallet(newRoom())
			c, me, _ := liveWith(t, hub, b, d)
			c.leave(wire.CloseNormal)
			b.shut()
			hub.Bell(probeOf(b, d.room, me, nonce))
			pass(time.Second)
			if len(b.calls("alive there "+nonce)) != 0 {
				t.Error("answered before Redis knows")
			}
			b.open()
			pass(0)
			if len(b.calls("detach")) != 1 || len(b.calls("alive there "+nonce)) != 1 {
				t.Error("not answered")
			}
		})
	})
	t.Run("leaves while being attached", func(t *testing.T) {
		bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
			b.shut()
			d := wallet(newRoom())
			c := d.dial(t, hub)
			hub.Bell(probeOf(b, d.room, b.calls("attach")[0].client, nonce))
			c.leave(wire.CloseNormal)
			b.open()
			pass(0)
			if len(b.calls("leave")) != 1 || len(b.calls("alive there "+nonce)) != 1 {
				t.Error("not answered")
			}
		})
	})
	t.Run("Redis is away", func(t *testing.T) {
		bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
			d := wallet(newRoom())
			c, me, _ := liveWith(t, hub, b, d)
			c.leave(wire.CloseNormal)
			b.script(func() {
				b.detach = func(streams.SessionRef) (streams.Holding, error) { return 0, streams.ErrUnavailable }
			})
			hub.Bell(probeOf(b, d.room, me, nonce))
			pass(time.Second)
			if len(b.calls("alive there "+nonce)) != 0 {
				t.Error("answered though Redis does not know")
			}
		})
	})
}
