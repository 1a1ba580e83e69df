package signaling_test

import (
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/streams"
)

func TestAReplayedOfferIsFollowedByAPauseForAPlainWallet(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		me, peer := newID(), newID()
		peers := []streams.Peer{peerOf(peer)}
		entries := []streams.Entry{entry(0, offer, peer), entry(1, candidate, peer), entry(2, candidate, peer)}
		b.attach, b.sync = attachedAs(me, peers, entries...), mailbox(peers, entries...)
		c := wallet(newRoom()).dial(t, hub)
		pass(99 * time.Millisecond)
		c.got(already(peer), "data m0")
		pass(time.Millisecond)
		c.got("data m1", "data m2")
	})
}

func TestWhatIsRungForDuringThePauseWaitsToo(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		me, peer, room := newID(), newID(), newRoom()
		peers := []streams.Peer{peerOf(peer)}
		entries := []streams.Entry{entry(0, offer, peer), entry(1, candidate, peer)}
		// The offer is all there is to replay; the candidate is rung for a moment later.
		b.attach, b.sync = attachedAs(me, peers, entries[0]), mailbox(peers, entries...)
		c := wallet(room).dial(t, hub)
		pass(0)
		ring(hub, room, me, entries[1])
		hub.Reconcile() // a doorbell may have been lost: no reason to be early either
		pass(99 * time.Millisecond)
		c.got(already(peer), "data m0")
		pass(time.Millisecond)
		c.got("data m1")
		ring(hub, room, me, entry(2, offer, peer))
		ring(hub, room, me, entry(3, candidate, peer))
		pass(0)
		c.got("data m2", "data m3") // live: no pause
	})
}

func TestADoorbellBeforeTheAttachAnswerDoesNotEndThePause(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		me, peer, room := newID(), newID(), newRoom()
		peers := []streams.Peer{peerOf(peer)}
		entries := []streams.Entry{entry(0, offer, peer), entry(1, candidate, peer)}
		b.attach, b.sync = attachedAs(me, peers, entries...), mailbox(peers, entries...)
		b.shut()
		c := wallet(room).dial(t, hub)
		ring(hub, room, me, entries[1])
		b.open()
		pass(99 * time.Millisecond)
		c.got(already(peer), "data m0")
		pass(time.Millisecond)
		c.got("data m1")
	})
}

func TestOnlyPlainClientsOfResumeRolesPause(t *testing.T) {
	for name, d := range map[string]dialer{
		"rejoin.v1 wallet": wallet(newRoom()).rejoin(), "plain extension": extension(newRoom()),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				me, peer := newID(), newID()
				peers := []streams.Peer{peerOf(peer)}
				b.attach = attachedAs(me, peers, entry(0, offer, peer), entry(1, candidate, peer))
				c := d.dial(t, hub)
				pass(0)
				if got := c.unread(); len(got) != 3 || got[2] != "data m1" {
					t.Errorf("got %q, want both messages at once", got)
				}
			})
		})
	}
}
