package signaling_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/streams"
)

// delivered gives a client the entries 0 to n-1 of a peer it knows.
func delivered(hub *signaling.Hub, d dialer, c *client, me, peer string, n uint64) {
	pass(0)
	for i := range n {
		ring(hub, d.room, me, entry(i, candidate, peer))
	}
	pass(0)
	c.unread()
}

// liveWith dials and returns the client, its ID and that of the peer it was told of.
func liveWith(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) (c *client, me, peer string) {
	t.Helper()
	peer = newID()
	b.script(func() { b.attach = with(peerOf(peer)) })
	c = d.dial(t, hub)
	pass(0)
	c.unread()
	calls := b.calls("attach")
	return c, calls[len(calls)-1].client, peer
}

func positions(calls []call) (list []string) {
	for _, c := range calls {
		list = append(list, c.id.String())
	}
	return list
}

func wantPositions(t *testing.T, b *scripted, want ...string) {
	t.Helper()
	if got := positions(b.calls("ack")); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("flushed %v, want %v", got, want)
	}
}

func TestAcksAreFlushedAtMostOnceASecondPerClientThatMoved(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d := wallet(newRoom()).rejoin()
		c, me, peer := liveWith(t, hub, b, d)
		idle := extension(newRoom()).rejoin().dial(t, hub)
		delivered(hub, d, c, me, peer, 100)
		for i := range 100 {
			c.ack(seq(uint64(i)).String())
			pass(50 * time.Millisecond)
		}
		pass(2 * time.Second)
		acks := b.calls("ack")
		if len(acks) < 5 || len(acks) > 7 {
			t.Errorf("%d flushes in 5 s: %v", len(acks), positions(acks))
		}
		for i, a := range acks {
			if a.client != me {
				t.Errorf("flushed %s, which did not move", a.client)
			}
			if i > 0 && a.at.Sub(acks[i-1].at) < 900*time.Millisecond {
				t.Errorf("flushes %v apart", a.at.Sub(acks[i-1].at))
			}
		}
		if last := acks[len(acks)-1]; last.id != seq(99) {
			t.Errorf("the last flush is of %v, want the last ack", last.id)
		}
		idle.got("session")
	})
}

func TestAnAckIsFlushedAgainWhenRedisDidNotAnswer(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d := wallet(newRoom()).rejoin()
		c, me, peer := liveWith(t, hub, b, d)
		delivered(hub, d, c, me, peer, 2)
		b.script(func() {
			b.ack = func(streams.SessionRef, streams.EntryID) (streams.Holding, error) { return 0, streams.ErrUnavailable }
		})
		c.ack("7-1")
		pass(3 * time.Second)
		b.script(func() { b.ack = nil })
		n := len(b.calls("ack"))
		if n < 3 || n > 5 {
			t.Errorf("%d tries in 3 s", n)
		}
		pass(5 * time.Second)
		if after := len(b.calls("ack")); after != n+1 {
			t.Errorf("%d flushes after Redis came back, want 1", after-n)
		}
	})
}

// A client that gets and acknowledges many messages a second does not hit its mailbox limit.
func TestManyAcknowledgedEntriesAreFlushedAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d := wallet(newRoom()).rejoin()
		c, me, peer := liveWith(t, hub, b, d)
		delivered(hub, d, c, me, peer, 200)
		c.ack("7-8") // the first flush
		c.ack("7-71")
		pass(0)
		wantPositions(t, b, "7-8")
		c.ack("7-72")
		pass(0)
		wantPositions(t, b, "7-8", "7-72")
		for n := uint64(73); n <= 136; n++ {
			c.ack(seq(n).String())
		}
		pass(0)
		wantPositions(t, b, "7-8", "7-72", "7-136")
	})
}

// A position that frees little waits for other calls to travel with. One that frees much does not wait, nor does that of a client that
// cannot say what it has: if its instance is killed, the client gets unflushed entries again.
func TestHowLongAPositionWaits(t *testing.T) {
	const large = 5 << 10
	for name, c := range map[string]struct {
		d       dialer
		entries uint64
		size    int
		after   time.Duration // until the flush
		least   time.Duration // that it may wait then
		most    time.Duration
	}{
		"few entries":               {d: wallet(newRoom()).rejoin(), entries: 8, after: time.Second, least: time.Second, most: 3 * time.Second},
		"many":                      {d: wallet(newRoom()).rejoin(), entries: 9},
		"a large one":               {d: wallet(newRoom()).rejoin(), entries: 1, size: large},
		"plain, and waited for":     {d: wallet(newRoom()), entries: 1, least: time.Millisecond, most: 100 * time.Millisecond},
		"plain, and not waited for": {d: extension(newRoom()), entries: 1, after: time.Second, least: time.Second, most: 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				x, me, peer := liveWith(t, hub, b, c.d)
				pass(0)
				for i := range c.entries {
					e := entry(i, candidate, peer)
					e.Body += streams.Body(strings.Repeat(" ", c.size))
					ring(hub, c.d.room, me, e)
				}
				pass(0)
				if x.unread(); c.d.subprotocols != "" {
					x.ack(seq(c.entries - 1).String())
				}
				pass(0)
				if n := len(b.calls("ack")); c.after > 0 && n > 0 {
					t.Fatal("flushed at once")
				}
				pass(c.after)
				acks := b.calls("ack")
				if len(acks) != 1 || acks[0].id != seq(c.entries-1) || acks[0].patience < c.least || acks[0].patience > c.most {
					t.Errorf("flushed %+v", acks)
				}
			})
		})
	}
}

func TestAcksThatMakeNoSenseAreIgnored(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d := wallet(newRoom()).rejoin()
		c, me, peer := liveWith(t, hub, b, d)
		delivered(hub, d, c, me, peer, 3)
		c.ack("7-2") // cumulative
		pass(2 * time.Second)
		wantPositions(t, b, "7-2")
		for _, id := range []string{"7-1", "7-2", "7-3", "8-0", "18446744073709551615-18446744073709551615", "0-0", "", "7", "7-", "-1", "07-2", "x-y"} {
			c.ack(id)
		}
		pass(2 * time.Second)
		wantPositions(t, b, "7-2")
		c.got() // and the client is not told
		for _, text := range []string{`{"method":"ack"}`, `{"method":"ack","id":7}`, `{"method":"ack","id":null}`} {
			c.text(text)
		}
		c.got("validationError ", "validationError ", "validationError ")
		ring(hub, d.room, me, entry(3, candidate, peer))
		c.ack("7-3")
		pass(2 * time.Second)
		c.got("data m3")
		wantPositions(t, b, "7-2", "7-3")
	})
}

func TestAPlainClientHasNoAck(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		c, _, _ := liveWith(t, hub, b, wallet(newRoom()))
		c.ack("7-0")
		c.got("validationError ")
	})
}

func TestAPlainWalletAcknowledgesByPong(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d := wallet(newRoom()).pongless()
		c, me, peer := liveWith(t, hub, b, d)
		delivered(hub, d, c, me, peer, 3)
		if got := c.pinged(); len(got) != 1 || got[0] != "a7-0" {
			t.Fatalf("pings %q, want one: they are coalesced", got)
		}
		pass(5 * time.Second)
		wantPositions(t, b) // nothing is proven
		c.session.Pong([]byte("a7-9"))
		c.session.Pong([]byte("anonsense"))
		c.session.Pong([]byte("a"))
		pass(time.Second)
		wantPositions(t, b) // and a pong proves only what was sent
		asked := len(c.pinged())
		c.session.Pong([]byte("a7-0"))
		pass(10 * time.Millisecond)
		if len(c.pinged()) != asked {
			t.Fatal("pinged again at once: the next ping has to wait for what else is delivered")
		}
		pass(time.Second)
		wantPositions(t, b, "7-0")
		pings := c.pinged()
		if last := pings[len(pings)-1]; last != "a7-2" {
			t.Fatalf("the next ping is %q, want one for what was delivered meanwhile", last)
		}
		c.session.Pong([]byte("a7-2"))
		pass(time.Second)
		wantPositions(t, b, "7-0", "7-2")
		n := len(c.pinged())
		pass(time.Minute)
		if len(c.pinged()) != n {
			t.Error("pinged again with nothing to prove")
		}
	})
}

// RFC 6455 section 5.5.3 lets a client answer only the latest of several pings.
func TestAPongThatWasLeftOutIsAskedForAgain(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d := wallet(newRoom()).pongless()
		c, me, peer := liveWith(t, hub, b, d)
		delivered(hub, d, c, me, peer, 1)
		c.session.Pong(nil) // of the edge's own ping
		if got := c.pinged(); len(got) != 2 || got[1] != "a7-0" {
			t.Fatalf("pings %q, want the proof to be asked for again", got)
		}
		c.session.Pong([]byte("a7-0"))
		pass(time.Second)
		wantPositions(t, b, "7-0")
		c.session.Pong(nil)
		if got := c.pinged(); len(got) != 2 {
			t.Errorf("pings %q, want none with nothing to prove", got)
		}
	})
}

func TestForOtherPlainClientsWrittenIsDelivered(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d, me, peer := extension(newRoom()), newID(), newID()
		b.attach = func(streams.Attach) (streams.Attached, error) {
			p := peerOf(peer)
			return streams.Attached{Verdict: streams.Fresh, Client: me, Epoch: testEpoch, Version: 1, Peers: []streams.Peer{p}}, nil
		}
		c := d.dial(t, hub)
		delivered(hub, d, c, me, peer, 3)
		pass(2 * time.Second)
		wantPositions(t, b, "7-2")
		if got := c.pinged(); len(got) > 0 {
			t.Errorf("pinged %q", got)
		}
		ring(hub, d.room, me, entry(3, candidate, peer))
		ring(hub, d.room, me, entry(4, candidate, peer))
		c.leave(1000)
		pass(0)
		if left := b.calls("leave"); len(left) != 1 || left[0].id != seq(4) {
			t.Errorf("left with %+v, want the position with it", left)
		}
	})
}

// Only the first message or acknowledgement from the client retires the older token.
func TestTheOlderTokenIsRetiredByTheFirstAck(t *testing.T) {
	for name, ack := range map[string]string{"good": "7-0", "too high": "9-9", "no entry": "nonsense"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				d := wallet(newRoom()).rejoin()
				first := d.dial(t, hub)
				pass(0)
				hello := first.welcome()
				b.script(func() { b.attach = attachedAs(hello.ClientID, nil) })
				c := d.resume(hello.ResumeToken, "").dial(t, hub)
				pass(5 * time.Second)
				wantPositions(t, b) // the frame may have been lost: the older token must stay
				c.ack(ack)
				c.ack(ack)
				pass(2 * time.Second)
				wantPositions(t, b, "0-0")
			})
		})
	}
}
