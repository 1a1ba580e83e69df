package signaling_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/streams"
)

// The doorbell for a message whose time is over may be lost with the subscription: the next comparison tells the sender, once, and Redis forgets
// it when a pong has proven that the client knows. R11.6.
func TestALostDoorbellStillTellsThatTheTimeIsOver(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		c, _, peer := liveWith(t, hub, b, wallet(newRoom()).rejoin())
		kept := true
		b.script(func() {
			b.sync = func(streams.SessionRef, streams.EntryID) (streams.Synced, error) {
				r := streams.Synced{Version: 1, Peers: []streams.Peer{{Client: peer, Dialect: 'r', Session: "0000000000000002", Instance: "there"}}}
				if kept {
					r.Undelivered = []streams.Undelivered{{Client: peer, RequestID: `"m1"`, Late: true}}
				}
				return r, nil
			}
		})
		c.script(func() { c.deaf = true })
		for range 2 {
			hub.Reconcile()
			pass(time.Second)
		}
		c.got("undelivered " + peer + "m1")
		if n := len(b.calls("told")); n != 0 {
			t.Errorf("Redis was asked to forget it %d times before the client has proven anything", n)
		}
		c.session.Pong([]byte("t"))
		pass(time.Second)
		b.script(func() { kept = false })
		c.session.Pong([]byte("t")) // once more, or made up
		hub.Reconcile()
		pass(time.Second)
		c.got()
		if n := len(b.calls("told")); n != 1 {
			t.Errorf("Redis was asked to forget it %d times, want once", n)
		}
	})
}

// What came while a proof was under way is proven next. A pong that is left out is asked for again.
func TestEachMessageWhoseTimeIsOverIsProven(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d := wallet(newRoom()).rejoin()
		c, me, peer := liveWith(t, hub, b, d)
		c.script(func() { c.deaf = true })
		late := func(id string) {
			bell := presence(d.room, streams.BellOverdue, me, 0)
			bell.Session, bell.Undelivered = b.calls("attach")[len(b.calls("attach"))-1].attach.Session, []streams.Undelivered{{Client: peer, RequestID: `"` + id + `"`}}
			hub.Bell(bell)
		}
		late("m1")
		late("m2")
		late("m1") // rung for again
		c.got("undelivered "+peer+"m1", "undelivered "+peer+"m2")
		c.session.Pong(nil) // to a ping of the edge's own: the pong that was waited for was left out
		c.script(func() { c.deaf = false })
		c.session.Pong(nil)
		pass(time.Second)
		if n := len(b.calls("told")); n != 2 {
			t.Errorf("Redis was asked to forget %d times, want twice", n)
		}
		// A doorbell that was on its way for longer than all of that brings nothing new.
		late("m2")
		late("m3")
		pass(time.Second)
		c.got("undelivered " + peer + "m3")
		if n := len(b.calls("told")); n != 3 {
			t.Errorf("Redis was asked to forget %d times, want three times", n)
		}
	})
}

// script changes how a client behaves.
func (c *client) script(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// Messages with the shortest TTL, as fast as a client may send: Redis is asked for their mailbox four times a second, and not for each of them.
func TestShortTTLsCostLittle(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		c, _, peer := liveWith(t, hub, b, wallet(newRoom()).rejoin())
		for i := range 500 { // for 5 s
			c.text(fmt.Sprintf(`{"requestId":"%d","method":"m","targetClientId":%q,"payload":1,"ttlMs":1}`, i, peer))
			pass(10 * time.Millisecond)
		}
		pass(time.Second)
		if n := len(b.calls("send")); n != 500 {
			t.Fatalf("%d messages", n)
		}
		if n := len(b.calls("overdue")); n < 5 || n > 5*4+2 {
			t.Errorf("Redis was asked %d times in 5 s, want four a second at most", n)
		}
	})
}
