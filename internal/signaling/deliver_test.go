package signaling_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// bothDialects runs a test with a plain wallet and with a rejoin.v1 one.
func bothDialects(t *testing.T, test func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer)) {
	t.Helper()
	for name, d := range map[string]dialer{"plain": wallet(newRoom()), "rejoin.v1": wallet(newRoom()).rejoin()} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) { test(t, hub, b, d) })
		})
	}
}

// entries are candidates from-to of a peer.
func entries(peer string, from, to uint64) (list []streams.Entry) {
	for i := from; i <= to; i++ {
		list = append(list, entry(i, candidate, peer))
	}
	return list
}

func dataOf(from, to int) (list []string) {
	for i := from; i <= to; i++ {
		list = append(list, fmt.Sprintf("data m%d", i))
	}
	return list
}

func TestDoorbellsInOrderNeedNoReading(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		c, me, peer := liveWith(t, hub, b, d)
		for _, e := range entries(peer, 0, 9) {
			ring(hub, d.room, me, e)
			ring(hub, d.room, me, e)                         // twice is once
			ring(hub, d.room, newID(), e)                    // another's
			ring(hub, newRoom(), me, e)                      // another room's
			ring(hub, d.room, me, entry(0, candidate, peer)) // long past
		}
		pass(0)
		c.got(dataOf(0, 9)...)
		if n := len(b.calls("sync")); n != 0 {
			t.Errorf("read the mailbox %d times", n)
		}
	})
}

func TestAHoleIsReadFromTheMailbox(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		c, me, peer := liveWith(t, hub, b, d)
		all := entries(peer, 0, 5)
		b.script(func() { b.sync = mailbox([]streams.Peer{peerOf(peer)}, all...) })
		ring(hub, d.room, me, all[0])
		ring(hub, d.room, me, all[2]) // 1 was lost
		ring(hub, d.room, me, all[3])
		ring(hub, d.room, me, all[5])
		pass(time.Second)
		c.got(dataOf(0, 5)...)
		if n := len(b.calls("sync")); n != 1 {
			t.Errorf("read the mailbox %d times, want once", n)
		}
	})
}

// An entry announced while a page is being read is read too.
func TestWhatComesWhileCatchingUpIsNotLost(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		c, me, peer := liveWith(t, hub, b, d)
		all := entries(peer, 0, 5)
		peers := []streams.Peer{peerOf(peer)}
		b.script(func() { b.sync = mailbox(peers, all[:3]...) })
		b.shut()
		ring(hub, d.room, me, all[1])
		for _, e := range all[2:] {
			ring(hub, d.room, me, e)
		}
		pass(time.Second)
		c.got()
		b.jobs <- func() { b.script(func() { b.sync = mailbox(peers, all...) }) } // behind the answer under way
		b.open()
		pass(time.Second)
		c.got(dataOf(0, 5)...)
	})
}

func TestADoorbellWithoutPayloadIsReadFromTheMailbox(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		c, me, peer := liveWith(t, hub, b, d)
		all := entries(peer, 0, 2)
		b.script(func() { b.sync = mailbox([]streams.Peer{peerOf(peer)}, all...) })
		ring(hub, d.room, me, all[0])
		large := all[1]
		large.Body = ""
		ring(hub, d.room, me, large)
		ring(hub, d.room, me, all[2])
		pass(time.Second)
		c.got(dataOf(0, 2)...)
	})
}

func TestNothingFromAStrangerBeforeItIsAnnounced(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		c, me, peer := liveWith(t, hub, b, d)
		stranger := newID()
		b.script(func() {
			b.sync = mailbox([]streams.Peer{peerOf(peer), peerOf(stranger)}, entry(0, offer, stranger), entry(1, candidate, stranger))
		})
		ring(hub, d.room, me, entry(0, offer, stranger)) // its 'joined' was lost
		ring(hub, d.room, me, entry(1, candidate, stranger))
		pass(time.Second)
		c.got(just(stranger), "data m0", "data m1")
		tell(hub, d.room, streams.BellJoined, stranger, 2) // or late
		pass(time.Second)
		c.got()
	})
}

func TestWhatASenderThatLeftSentIsPassedOver(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		c, me, peer := liveWith(t, hub, b, d)
		left := newID()
		b.script(func() {
			b.sync = mailbox([]streams.Peer{peerOf(peer)}, entry(0, offer, left), entry(1, candidate, peer), entry(2, candidate, left))
		})
		ring(hub, d.room, me, entry(0, offer, left))
		pass(time.Second)
		c.got("data m1")
		ring(hub, d.room, me, entry(3, candidate, peer))
		c.got("data m3")
	})
}

// A doorbell may overtake the answer of a comparison: a peer unknown here may still be present.
func TestAStaleAnswerLosesNothing(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		c, me, peer := liveWith(t, hub, b, d)
		one, two := newID(), newID()
		peers := []streams.Peer{peerOf(peer), peerOf(one)}
		b.script(func() {
			b.sync = func(streams.SessionRef, streams.EntryID) (streams.Synced, error) {
				return streams.Synced{Version: 2, Peers: peers, Entries: []streams.Entry{entry(0, offer, one)}, Last: seq(0)}, nil
			}
		})
		b.shut()
		ring(hub, d.room, me, entry(0, offer, one)) // one joined at version 2, its doorbell was lost
		tell(hub, d.room, streams.BellJoined, two, 3)
		b.jobs <- func() {
			b.script(func() {
				b.sync = func(streams.SessionRef, streams.EntryID) (streams.Synced, error) {
					return streams.Synced{Version: 3, Peers: append(peers, peerOf(two)), Entries: []streams.Entry{entry(0, offer, one)}, Last: seq(0)}, nil
				}
			})
		}
		b.open()
		pass(time.Second)
		c.got(just(two), just(one), "data m0")
	})
}

func TestAStalledReaderIsWaitedForAndLosesNothing(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		d = d.pongless()
		c, me, peer := liveWith(t, hub, b, d)
		all := entries(peer, 0, 9)
		b.script(func() { b.sync = mailbox([]streams.Peer{peerOf(peer)}, all...) })
		ring(hub, d.room, me, all[0])
		c.stall(true)
		for _, e := range all[1:4] {
			ring(hub, d.room, me, e)
		}
		pass(time.Minute)
		c.got("data m0")
		if n := len(b.calls("sync")); n != 0 {
			t.Errorf("read the mailbox %d times for a reader that stalls", n)
		}
		pings := c.pinged()
		last := pings[len(pings)-1]
		if last[0] != 'c' || !strings.HasSuffix(last, "7-0") {
			t.Fatalf("pings %q, want one that tells when all is read", pings)
		}
		c.session.Pong([]byte(last)) // it has read a little, not enough
		pass(time.Second)
		c.got()
		c.stall(false)
		pings = c.pinged()
		c.session.Pong([]byte(pings[len(pings)-1]))
		pass(time.Second)
		c.got(dataOf(1, 9)...)
		ring(hub, d.room, me, entry(10, candidate, peer))
		c.got("data m10")
	})
}

// A client may answer only the edge's own, later ping.
func TestThePageIsAskedForAgain(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		d = d.pongless()
		c, me, peer := liveWith(t, hub, b, d)
		all := entries(peer, 0, 1)
		b.script(func() { b.sync = mailbox([]streams.Peer{peerOf(peer)}, all...) })
		c.stall(true)
		ring(hub, d.room, me, all[0])
		c.stall(false)
		c.session.Pong(nil) // then it is asked again
		pings := c.pinged()
		if len(pings) != 2 || pings[0] != pings[1] {
			t.Fatalf("pings %q, want the same again", pings)
		}
		c.session.Pong([]byte(pings[1]))
		pass(time.Second)
		c.got(dataOf(0, 1)...)
	})
}

// A stalled client may send pongs, but has not read the ping it would have to answer.
func TestAPongThatWasNotAskedForCostsNothing(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		d = d.pongless()
		c, me, peer := liveWith(t, hub, b, d)
		all := entries(peer, 0, 9)
		b.script(func() { b.sync = mailbox([]streams.Peer{peerOf(peer)}, all...) })
		ring(hub, d.room, me, all[0])
		c.stall(true)
		ring(hub, d.room, me, all[1])
		pass(time.Minute)
		pings := c.pinged()
		page := pings[len(pings)-1]
		before := len(b.calls("")) // of any name
		for range 100 {
			for _, data := range []string{"x", "a", "c", "p", "c7-0", "c000000007-0", "cnonsense7-0", "a7-1", "a7-9", "pffffffffffffffff", "unasked"} {
				c.session.Pong([]byte(data))
			}
		}
		pass(time.Minute)
		if after := len(b.calls("")); after != before || len(c.pinged()) != len(pings) {
			t.Fatalf("%d calls to Redis and %d pings for pongs that prove nothing", after-before, len(c.pinged())-len(pings))
		}
		for range 100 { // the requested pong, again and again: it counts once
			c.session.Pong([]byte(page))
		}
		pass(time.Second)
		if n := len(b.calls("sync")); n != 1 {
			t.Errorf("read the mailbox %d times, want once", n)
		}
	})
}

func TestAReplayIsReadPageByPage(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		d = d.pongless()
		peer := newID()
		all := entries(peer, 0, 9)
		peers := []streams.Peer{peerOf(peer)}
		b.attach = func(streams.Attach) (streams.Attached, error) {
			return streams.Attached{
				Verdict: streams.Resumed, Client: newID(), Epoch: testEpoch, Version: 1, Peers: peers, Replay: 10,
				Entries: all[:4], More: true, Last: seq(9),
			}, nil
		}
		b.sync = func(_ streams.SessionRef, after streams.EntryID) (streams.Synced, error) {
			r, err := mailbox(peers, all...)(streams.SessionRef{}, after)
			if len(r.Entries) > 4 {
				r.Entries, r.More = r.Entries[:4], true
			}
			return r, err
		}
		c := d.dial(t, hub)
		for _, want := range [][]string{dataOf(0, 3), dataOf(4, 7), dataOf(8, 9)} {
			pass(time.Minute)
			got := c.unread()
			if tail := got[max(0, len(got)-len(want)):]; strings.Join(tail, " ") != strings.Join(want, " ") {
				t.Fatalf("page %q, want %q", got, want)
			}
			pings := c.pinged()
			c.session.Pong([]byte(pings[len(pings)-1]))
		}
	})
}

// Entry IDs rise; the plain dialect has none.
func TestOnlyRejoinIsToldEntryIDs(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		c, me, peer := liveWith(t, hub, b, d)
		ring(hub, d.room, me, entry(0, offer, peer))
		texts := c.texts()
		want := `{"info":"remoteData","data":` + body("m0", "offer", "", "sealed") + `,"remoteClientId":"` + peer + `","requestId":"m0"`
		if d.subprotocols != "" {
			want += `,"id":"7-0"`
		}
		if got := texts[len(texts)-1]; got != want+"}" {
			t.Errorf("got  %s\nwant %s}", got, want)
		}
	})
}

func TestADoorbellThatIsNoneIsIgnored(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		c, me, peer := liveWith(t, hub, b, d)
		e := entry(0, offer, peer)
		for _, bell := range []streams.Bell{
			{Kind: streams.BellData, Room: "x", Client: me, ID: e.ID, Body: e.Body},
			{Kind: streams.BellData, Room: d.room.String(), Client: "x", ID: e.ID, Body: e.Body},
			{Kind: streams.BellFenced, Room: d.room.String(), Client: me, Session: "0000000000000000"},
			{Kind: streams.BellFenced, Room: d.room.String(), Client: me, Session: "nonsense"},
			{Kind: streams.BellProbe, Room: d.room.String(), Client: me},
			{Kind: streams.BellAlive, Nonce: nonce, Client: me},
			{Kind: streams.BellJoined, Room: d.room.String(), Client: "x", Role: wire.Extension.Text(), Version: 9},
			{Kind: '?', Room: d.room.String(), Client: me},
		} {
			hub.Bell(&bell)
		}
		pass(time.Second)
		c.got()
		if c.closing() != nil || len(c.pinged()) > 0 {
			t.Errorf("connection %v, pings %q", c.closing(), c.pinged())
		}
	})
}
