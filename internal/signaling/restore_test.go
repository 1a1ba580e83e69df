package signaling_test

import (
	"errors"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// lost makes the backbone one whose Redis has lost everything: what is restored is alone there at first.
func lost(b *scripted) {
	b.script(func() {
		b.sync = func(streams.SessionRef, streams.EntryID) (streams.Synced, error) {
			return streams.Synced{Holding: streams.HoldingGone}, nil
		}
		b.restore = func(a streams.Attach) (streams.Attached, error) {
			b.rebuilt(1)
			return streams.Attached{Verdict: streams.Fresh, Client: a.Resume, Epoch: testEpoch + 1, Version: 1}, nil
		}
	})
}

// rebuilt lets sessions be found again, with these peers.
func (b *scripted) rebuilt(version uint64, peers ...streams.Peer) {
	b.script(func() {
		b.sync = func(_ streams.SessionRef, after streams.EntryID) (streams.Synced, error) {
			return streams.Synced{Version: version, Peers: peers, Last: after}, nil
		}
		b.restore = func(a streams.Attach) (streams.Attached, error) {
			return streams.Attached{Verdict: streams.Resumed, Client: a.Resume, Epoch: testEpoch + 2, Version: version, Peers: peers}, nil
		}
	})
}

func TestAPeerThatIsRestoredLaterWasNeverGone(t *testing.T) {
	for name, d := range map[string]dialer{"plain": wallet(newRoom()), "rejoin.v1": wallet(newRoom()).rejoin()} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				c, me, peer := liveWith(t, hub, b, d)
				lost(b)
				hub.Reconcile()
				pass(time.Second)
				if n := len(b.calls("restore")); n != 1 {
					t.Fatalf("%d restores, want 1", n)
				}
				// The primary's new run ID is noticed, doorbells are lost again: all that finds the peer still away.
				hub.Regenerate()
				pass(time.Second)
				if d.subprotocols == wire.Subprotocol {
					c.got("storeReplaced ")
				}
				hub.Reconcile()
				pass(7 * time.Second)
				c.got()
				tell(hub, d.room, streams.BellJoined, peer, 2)
				b.rebuilt(2, peerOf(peer))
				pass(time.Minute)
				c.got()
				// The new epoch counts.
				e := entry(0, candidate, peer)
				e.ID.Epoch = testEpoch + 2
				ring(hub, d.room, me, e)
				c.got("data m0")
			})
		})
	}
}

func TestAPeerThatIsNotRestoredIsGoneOnce(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		c, _, peer := liveWith(t, hub, b, wallet(newRoom()))
		lost(b)
		hub.Reconcile()
		pass(9 * time.Second)
		c.got()
		pass(2 * time.Second)
		c.got(gone(peer))
		pass(time.Minute)
		c.got()
	})
}

// What Redis lost while its clients were all still attached: the session is restored under its own ID and number.
func TestARestoreBringsTheTokens(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d := wallet(newRoom()).rejoin()
		first := d.dial(t, hub)
		pass(0)
		hello := first.welcome()
		b.script(func() { b.attach = attachedAs(hello.ClientID, nil) })
		c := d.resume(hello.ResumeToken, "").dial(t, hub)
		pass(0)
		attached := b.calls("attach")[1].attach
		lost(b)
		hub.Reconcile()
		pass(time.Second)
		var r streams.Attach
		for _, call := range b.calls("restore") {
			if call.attach.Session == attached.Session {
				r = call.attach
			}
		}
		if r.NewClient != hello.ClientID || r.TokenHash != attached.ResumedHash || r.ResumeHash != attached.ResumeHash || !r.Keep {
			t.Errorf("restored %+v after %+v", r, attached)
		}
		// Once the client has spoken, the older token is no good any more, restored or not.
		c.send("r", "offer", newID())
		lost(b)
		hub.Reconcile()
		pass(time.Second)
		calls := b.calls("restore")
		for _, call := range calls[len(calls)-2:] {
			if call.attach.Session == attached.Session && call.attach.ResumeHash != "" {
				t.Error("the older token came back to life")
			}
		}
	})
}

func TestARegenerationIsNotForgotten(t *testing.T) {
	for name, tc := range map[string]struct {
		during func(hub *signaling.Hub)
	}{
		"while a comparison is under way": {func(hub *signaling.Hub) { hub.Reconcile() }},
		"while attaching":                 {nil},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				if tc.during == nil {
					b.shut()
				}
				wallet(newRoom()).dial(t, hub)
				pass(0)
				if tc.during != nil {
					b.shut()
					tc.during(hub)
				}
				pass(time.Second)
				hub.Regenerate()
				pass(time.Second)
				b.open()
				pass(time.Second)
				if n := len(b.calls("restore")); n != 1 {
					t.Errorf("%d restores, want 1", n)
				}
			})
		})
	}
}

func TestARestoreIsTriedAgain(t *testing.T) {
	for name, answer := range map[string]struct {
		streams.Attached
		error
	}{
		"Redis is away":    {error: streams.ErrUnavailable},
		"the room is full": {Attached: streams.Attached{Verdict: streams.RoomFull}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				crowd(t, hub, 1, wallet)
				b.restore = func(streams.Attach) (streams.Attached, error) { return answer.Attached, answer.error }
				hub.Regenerate()
				pass(3500 * time.Millisecond)
				b.script(func() { b.restore = nil })
				pass(time.Minute)
				if n := len(b.calls("restore")); n != 5 {
					t.Errorf("%d restores, want one a second and the last", n)
				}
			})
		})
	}
}

func TestARestoreThatFindsAnotherHolderGivesWay(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		c := crowd(t, hub, 1, wallet)[0]
		b.restore = func(streams.Attach) (streams.Attached, error) {
			return streams.Attached{Verdict: streams.RestoreFenced}, nil
		}
		b.sync = func(streams.SessionRef, streams.EntryID) (streams.Synced, error) {
			return streams.Synced{Holding: streams.HoldingGone}, nil
		}
		hub.Reconcile()
		pass(time.Second)
		c.wantClosed(wire.CloseResumedElsewhere, wire.ReasonResumedElsewhere)
	})
}

// A new primary may lack the attach that made this connection the session's: its client is not told to stay away.
func TestAfterAFailoverAnotherHolderMayBeTheOneBefore(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		c := crowd(t, hub, 1, wallet)[0]
		b.restore = func(streams.Attach) (streams.Attached, error) {
			return streams.Attached{Verdict: streams.RestoreFenced}, nil
		}
		hub.Regenerate()
		pass(time.Second)
		c.wantClosed(wire.CloseServiceRestart, wire.ReasonGoingAway)
	})
}

// Another connection took the session while this one was being attached, and its doorbell has come, which does not mean a primary that
// lacks something. Told otherwise, the client would come back with a token that is refused, under a new identity.
func TestAfterAFailoverTheDoorbellOfAnotherConnectionIsBelieved(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		hub.Regenerate()
		pass(time.Second)
		d, me := wallet(newRoom()).rejoin(), newID()
		b.script(func() {
			b.attach = attachedAs(me, nil)
			b.sync = func(streams.SessionRef, streams.EntryID) (streams.Synced, error) {
				return streams.Synced{Holding: streams.HoldingFenced}, nil
			}
		})
		b.shut()
		c := d.dial(t, hub)
		pass(0)
		asked := b.calls("attach")[0].attach
		hub.Bell(&streams.Bell{Kind: streams.BellFenced, Room: d.room.String(), Client: me, Session: asked.Session})
		b.open()
		pass(time.Second)
		c.wantClosed(wire.CloseResumedElsewhere, wire.ReasonResumedElsewhere)
	})
}

// The answer that another connection has the session may be the first sign of the new primary.
func TestAnotherHolderIsBelievedWhenThePrimaryIsKnown(t *testing.T) {
	for name, test := range map[string]struct {
		replaced bool
		code     wire.CloseCode
		reason   string
	}{
		"another primary": {true, wire.CloseServiceRestart, wire.ReasonGoingAway},
		"the same":        {false, wire.CloseResumedElsewhere, wire.ReasonResumedElsewhere},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				c := crowd(t, hub, 1, wallet)[0]
				b.sync = func(streams.SessionRef, streams.EntryID) (streams.Synced, error) {
					return streams.Synced{Holding: streams.HoldingFenced}, nil
				}
				b.check = func() {
					if test.replaced {
						hub.Regenerate()
					}
				}
				hub.Reconcile()
				pass(time.Second)
				c.wantClosed(test.code, test.reason)
			})
		})
	}
}

func TestAComparisonIsTriedAgain(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d := wallet(newRoom())
		c, me, peer := liveWith(t, hub, b, d)
		b.script(func() {
			b.sync = func(streams.SessionRef, streams.EntryID) (streams.Synced, error) {
				return streams.Synced{}, streams.ErrUnavailable
			}
		})
		start := time.Now()
		entries := []streams.Entry{entry(0, candidate, peer), entry(1, candidate, peer), entry(2, candidate, peer)}
		ring(hub, d.room, me, entries[1]) // 0 was lost
		pass(2500 * time.Millisecond)
		c.got()
		b.script(func() { b.sync = mailbox([]streams.Peer{peerOf(peer)}, entries...) })
		pass(time.Second)
		c.got("data m0", "data m1", "data m2")
		wantCalls(t, b, "sync", start, 0, time.Second, 2*time.Second, 3*time.Second)
	})
}

// The tail of a mailbox may be lost with the primary: what was rung for then never comes, and is not asked for for ever.
func TestWhatWasRungForAndIsLostIsNotAskedForForEver(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d := wallet(newRoom())
		c, me, peer := liveWith(t, hub, b, d)
		b.script(func() { b.sync = mailbox([]streams.Peer{peerOf(peer)}, entry(0, candidate, peer)) })
		b.shut()
		ring(hub, d.room, me, entry(5, candidate, peer)) // a hole: asks
		ring(hub, d.room, me, entry(9, candidate, peer)) // and wants more
		b.open()
		pass(time.Second)
		c.got("data m0")
		if n := len(b.calls("sync")); n > 3 {
			t.Errorf("asked %d times", n)
		}
	})
}

// Redis may still run a step after its caller has given up: it must be undone.
func TestAnAttachWithoutAnAnswerIsUndone(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d := wallet(newRoom()).rejoin()
		first := d.dial(t, hub)
		pass(0)
		hello := first.welcome()
		b.script(func() {
			b.attach = func(streams.Attach) (streams.Attached, error) { return streams.Attached{}, streams.ErrUnavailable }
			b.undo = func(string) (string, error) { return "", errors.New("MISCONF") }
		})
		c := d.resume(hello.ResumeToken, "").dial(t, hub)
		pass(3 * time.Second)
		c.wantClosed(wire.CloseInternal, wire.ReasonNotRegistered)
		b.script(func() { b.undo = nil })
		pass(2 * time.Second)
		asked, undone := b.calls("attach")[1].attach, b.calls("undo")
		if len(undone) < 3 || undone[0].client != asked.NewClient {
			t.Errorf("undone %+v", undone)
		}
		pass(20 * time.Second) // Redis may have made it only after that
		if again := b.calls("undo"); len(again) != len(undone)+1 {
			t.Errorf("undone %d times, later %d times", len(undone), len(again))
		}
	})
}

// Timers that outlive Run do nothing.
func TestAfterRunNothingIsAskedAnyMore(t *testing.T) {
	t.Parallel()
	bubbleWithout(t, func(t *testing.T, hub *signaling.Hub, b *scripted, stop func()) {
		c := wallet(newRoom()).rejoin().dial(t, hub)
		pass(0)
		c.lose()
		pass(0)
		b.script(func() { contest(b, "a") })
		wallet(newRoom()).dial(t, hub)
		pass(0)
		stop()
		n := len(b.calls("expire")) + len(b.calls("attach"))
		pass(2 * testGrace)
		if again := len(b.calls("expire")) + len(b.calls("attach")); again != n {
			t.Errorf("%d calls after the end", again-n)
		}
	})
}

// R9.1
func TestRejoinClientsAreToldOnceThatTheStoreWasReplaced(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		plain := crowd(t, hub, 1, wallet)[0]
		clients := crowd(t, hub, 2, func(room wire.RoomID) dialer { return wallet(room).rejoin() })
		hub.Regenerate()
		pass(2 * time.Second)
		plain.got()
		for _, c := range clients {
			c.got("storeReplaced ")
		}
		pass(time.Minute)
		for _, c := range clients {
			c.got()
		}
	})
}
