package signaling_test

import (
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

func TestConnectionsAreRotatedBeforeTheyAreTooOld(t *testing.T) {
	for _, limit := range []time.Duration{10 * time.Second, time.Minute, 15 * time.Minute, time.Hour} {
		t.Run(limit.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				pass(700 * time.Millisecond) // connections come at any moment of a second
				asked := crowd(t, hub, 100, func(r wire.RoomID) dialer { return wallet(r).rejoin() })
				plain := crowd(t, hub, 100, wallet)
				start := time.Now()
				pass(limit / 2)
				for _, c := range append(asked, plain...) {
					c.got()
				}
				pass(limit / 2)
				for _, c := range asked {
					c.expect("goAway rotate")
					c.got() // once
				}
				for _, list := range [][]*client{asked, plain} {
					first, _, last := spread(t, list, start)
					if first < limit/2 || last > limit || last-first < limit/20 {
						t.Errorf("closed between %v and %v", first, last)
					}
				}
				handedOver(t, b, 200)
			}, func(cfg *signaling.Config) { cfg.MaxConnectionAge = limit })
		})
	}
}

func TestWithoutALimitNothingIsRotated(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, _ *scripted) {
		c := crowd(t, hub, 1, wallet)[0]
		pass(10 * time.Hour)
		if c.closing() != nil {
			t.Errorf("connection: %v", c.closing())
		}
	})
}

func TestEverySessionIsComparedInEachInterval(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		crowd(t, hub, 200, wallet)
		pass(5*time.Minute + 10*time.Second)
		seen := map[string]int{}
		for _, c := range b.calls("sync") {
			seen[c.client]++
		}
		if len(seen) != 200 {
			t.Errorf("%d of 200 sessions were compared", len(seen))
		}
		for id, n := range seen {
			if n > 2 {
				t.Errorf("%s was compared %d times", id, n)
			}
		}
	}, func(cfg *signaling.Config) { cfg.SyncInterval = 5 * time.Minute })
}
