package signaling_test

import (
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

func TestPresenceIsToldOnceAndInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		room, e := newRoom(), newID()
		plain := wallet(room).dial(t, hub)
		asked := wallet(room).rejoin().dial(t, hub)
		pass(0)
		asked.got("session")
		tell(hub, room, streams.BellJoined, e, 2)
		tell(hub, room, streams.BellJoined, e, 2) // the same again
		tell(hub, room, streams.BellJoined, e, 1) // older
		tell(hub, room, streams.BellSuspended, e, 3)
		tell(hub, room, streams.BellJoined, e, 2) // older
		tell(hub, room, streams.BellResumed, e, 4)
		tell(hub, room, streams.BellSuspended, e, 5)
		tell(hub, room, streams.BellLeft, e, 6)
		tell(hub, room, streams.BellLeft, e, 6)
		tell(hub, room, streams.BellSuspended, e, 5) // older: a dead client is not announced
		tell(hub, room, streams.BellResumed, e, 4)
		plain.got(just(e), gone(e))
		asked.got(just(e), suspended(e), resumed(e), suspended(e), gone(e))
	})
}

func TestOnesOwnRoleIsNotAnnounced(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		c, _, _ := liveWith(t, hub, b, d)
		bell := presence(d.room, streams.BellJoined, newID(), 2)
		bell.Role = wire.Wallet.Text()
		hub.Bell(bell)
		bell.Kind, bell.Version = streams.BellLeft, 3
		hub.Bell(bell)
		c.got()
	})
}

func TestPresenceBeforeTheAttachAnswerIsAppliedBehindIt(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		in, left, later, flap := newID(), newID(), newID(), newID()
		b.attach = func(a streams.Attach) (streams.Attached, error) {
			r := fresh(a)
			r.Version, r.Peers = 4, []streams.Peer{peerOf(in)}
			return r, nil
		}
		b.shut()
		c := d.dial(t, hub)
		tell(hub, d.room, streams.BellJoined, left, 2)
		tell(hub, d.room, streams.BellLeft, left, 3)
		tell(hub, d.room, streams.BellJoined, in, 4)
		tell(hub, d.room, streams.BellJoined, later, 5)
		tell(hub, d.room, streams.BellJoined, flap, 6)
		tell(hub, d.room, streams.BellLeft, flap, 7)
		c.got()
		b.open()
		pass(0)
		first := already(in)
		if d.subprotocols != "" {
			first = "session"
		}
		c.got(first, just(later), just(flap), gone(flap))
	})
}

func TestMorePresenceThanIsKeptIsComparedInstead(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		last := newID()
		b.sync = func(_ streams.SessionRef, after streams.EntryID) (streams.Synced, error) {
			return streams.Synced{Version: 402, Peers: []streams.Peer{peerOf(last)}, Last: after}, nil
		}
		b.shut()
		d := wallet(newRoom())
		c := d.dial(t, hub)
		for i := range uint64(200) {
			id := newID()
			tell(hub, d.room, streams.BellJoined, id, 2*i+2)
			tell(hub, d.room, streams.BellLeft, id, 2*i+3)
		}
		tell(hub, d.room, streams.BellJoined, last, 402)
		b.open()
		pass(time.Second)
		got := c.unread()
		if len(got) >= 400 || got[len(got)-1] != just(last) {
			t.Errorf("%d announcements, the last %q; want the last to be of the one that is there", len(got), got[len(got)-1])
		}
	})
}

func TestAComparisonFindsWhatDoorbellsLost(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		c, _, peer := liveWith(t, hub, b, d)
		joined := newID()
		b.rebuilt(9, peerOf(joined))
		hub.Reconcile()
		pass(time.Second)
		c.got(gone(peer), just(joined))
		tell(hub, d.room, streams.BellJoined, peer, 8) // late
		c.got()
	})
}

// A plain client that is waited for is no news to a newcomer before it is back; its end is none either.
func TestAWaitingPlainClientIsNotAnnounced(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		back, never := newID(), newID()
		waiting := func(id string) streams.Peer {
			p := peerOf(id)
			p.Dialect, p.Suspended, p.Left = byte(wire.Plain), true, testGrace
			return p
		}
		b.attach = with(waiting(back), waiting(never))
		c := d.dial(t, hub)
		pass(0)
		if d.subprotocols != "" {
			if m := c.welcome(); len(m.Peers) != 0 {
				t.Errorf("peers %+v", m.Peers)
			}
		}
		c.got()
		tell(hub, d.room, streams.BellResumed, back, 2)
		tell(hub, d.room, streams.BellLeft, never, 3)
		c.got(just(back))
	})
}

func TestARejoinPeerThatIsAwayIsShownAsSuspended(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		away := peerOf(newID())
		away.Suspended, away.Left = true, testGrace
		live := peerOf(newID())
		b.attach = with(away, live)
		d := wallet(newRoom()).rejoin()
		c := d.dial(t, hub)
		pass(0)
		m := c.welcome()
		if len(m.Peers) != 2 || m.Peers[0].RemoteClientID != away.Client || m.Peers[0].State != "suspended" ||
			m.Peers[1].RemoteClientID != live.Client || m.Peers[1].State != "live" {
			t.Errorf("peers %+v", m.Peers)
		}
		tell(hub, d.room, streams.BellResumed, away.Client, 2)
		tell(hub, d.room, streams.BellSuspended, live.Client, 3)
		tell(hub, d.room, streams.BellLeft, live.Client, 4)
		c.got(resumed(away.Client), suspended(live.Client), gone(live.Client))
	})
}

// Its messages are replayed, so it has to be announced; who resumes on rejoin.v1 finds it among its peers: it may have sent to it, and
// has to hear what became of that.
func TestASuspendedSenderIsAnnouncedBeforeItsMessages(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		p := peerOf(newID())
		p.Dialect, p.Suspended, p.Left = byte(wire.Plain), true, testGrace
		b.attach = attachedAs(newID(), []streams.Peer{p}, entry(0, candidate, p.Client))
		c := d.dial(t, hub)
		pass(0)
		if d.subprotocols != "" {
			if m := c.welcome(); len(m.Peers) != 1 || m.Peers[0].RemoteClientID != p.Client || m.Peers[0].State != "suspended" {
				t.Errorf("peers %+v", m.Peers)
			}
			c.expect("data m0")
			tell(hub, d.room, streams.BellResumed, p.Client, 2)
			c.got(resumed(p.Client))
			return
		}
		c.got(just(p.Client), "data m0")
		tell(hub, d.room, streams.BellResumed, p.Client, 2)
		c.got()
	})
}

func TestTheEndOfAWindowIsNotToldToAPlainClientWithANewerPeer(t *testing.T) {
	for name, tc := range map[string]struct {
		over, newer bool
		want        bool
	}{
		"window over, newer peer":       {over: true, newer: true, want: false},
		"window over, none newer":       {over: true, newer: false, want: true},
		"left by itself, newer peer":    {over: false, newer: true, want: true},
		"left by itself, none is newer": {over: false, newer: false, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
				old, newer, older := newID(), newID(), newID()
				b.attach = with(peerOf(older), peerOf(old)) // one that is older does not count
				c := d.dial(t, hub)
				pass(0)
				tell(hub, d.room, streams.BellSuspended, old, 2)
				tell(hub, d.room, streams.BellJoined, newer, 3)
				if !tc.newer {
					tell(hub, d.room, streams.BellSuspended, newer, 4)
				}
				c.unread()
				bell := presence(d.room, streams.BellLeft, old, 5)
				bell.WindowOver = tc.over
				hub.Bell(bell)
				if tc.want || d.subprotocols != "" {
					c.got(gone(old))
				} else {
					c.got()
				}
			})
		})
	}
}

func TestARejoinSenderIsToldWhatWasNotDelivered(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		c, me, peer := liveWith(t, hub, b, d)
		bell := presence(d.room, streams.BellLeft, peer, 2)
		bell.Undelivered = []streams.Undelivered{
			{Client: me, RequestID: `"one"`}, {Client: newID(), RequestID: `"another's"`}, {Client: me, RequestID: `"t\"wo"`},
		}
		hub.Bell(bell)
		want := gone(peer)
		if d.subprotocols != "" {
			want += ` ["one","t\"wo"]`
		}
		c.got(want)
	})
}

// Instances without a lease: their clients are detached on their behalf, at the second renewal that lacks them.
func TestTheClientsOfADeadInstanceAreDetached(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		_, _, peer := liveWith(t, hub, b, wallet(newRoom()))
		liveWith(t, hub, b, wallet(newRoom()))
		renewed := func(want int, live ...string) {
			t.Helper()
			m := map[string]bool{"here": true}
			for _, i := range live {
				m[i] = true
			}
			hub.Instances(m)
			pass(0)
			if n := len(b.calls("detach")); n != want {
				t.Errorf("%d detached, want %d", n, want)
			}
		}
		renewed(0, "there")
		renewed(0)          // a doorbell may be faster than the list
		renewed(0, "there") // there it is
		renewed(0)
		renewed(2)
		if b.calls("detach")[0].client != peer && b.calls("detach")[1].client != peer {
			t.Errorf("detached %+v, want %s among them", b.calls("detach"), peer)
		}
	})
}

// The doorbell of an end may be lost with the subscription: what was not delivered is told by the next comparison.
func TestALostEndStillTellsWhatWasNotDelivered(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		c, _, peer := liveWith(t, hub, b, wallet(newRoom()).rejoin())
		b.script(func() {
			b.sync = func(streams.SessionRef, streams.EntryID) (streams.Synced, error) {
				return streams.Synced{Version: 2, Undelivered: []streams.Undelivered{{Client: newID(), RequestID: `"x"`}, {Client: peer, RequestID: `"m1"`}}}, nil
			}
		})
		hub.Reconcile()
		pass(time.Second)
		c.got("remoteClientDisconnected " + peer + ` ["m1"]`)
	})
}
