package signaling_test

import (
	"context"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/streams"
)

// Timers end with the hub: a stopped hub neither calls Redis nor writes to clients.
func TestNoTimerOutlivesTheHub(t *testing.T) {
	t.Parallel()
	for name, arm := range map[string]func(hub *signaling.Hub, b *scripted, c *client, me, peer string, d dialer){
		"drain": func(hub *signaling.Hub, _ *scripted, _ *client, _, _ string, _ dialer) {
			go hub.Drain(context.Background(), time.Minute) // until the last connection is gone
			time.Sleep(time.Second)
		},
		"sync again": func(hub *signaling.Hub, b *scripted, _ *client, _, _ string, _ dialer) {
			b.script(func() {
				b.sync = func(streams.SessionRef, streams.EntryID) (streams.Synced, error) {
					return streams.Synced{}, streams.ErrUnavailable
				}
			})
			hub.Reconcile()
		},
		"settle after loss": func(hub *signaling.Hub, b *scripted, _ *client, me, _ string, _ dialer) {
			b.script(func() {
				b.restore = func(a streams.Attach) (streams.Attached, error) {
					return streams.Attached{Verdict: streams.Fresh, Client: me, Epoch: testEpoch + 1, Version: 1}, nil
				}
			})
			hub.Regenerate()
		},
		"proof": func(hub *signaling.Hub, b *scripted, c *client, me, peer string, d dialer) {
			delivered(hub, d, c, me, peer, 3)
			c.session.Pong([]byte("a7-0"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubbleWithout(t, func(t *testing.T, hub *signaling.Hub, b *scripted, stop func()) {
				d := wallet(newRoom()).pongless()
				c, me, peer := liveWith(t, hub, b, d)
				arm(hub, b, c, me, peer, d)
				time.Sleep(50 * time.Millisecond)
				stop()
				before, pings := len(b.calls("")), len(c.pinged())
				pass(5 * time.Minute)
				if after := len(b.calls("")); after != before || len(c.pinged()) != pings || c.closing() != nil {
					t.Errorf("%d calls and %d pings later, connection %v", after-before, len(c.pinged())-pings, c.closing())
				}
				c.lose()
				pass(time.Second)
			})
		})
	}
}
