package signaling_test

import (
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// A client that reads its answers late has not given up what it is told to send again: what it sent meanwhile stays behind that. When
// what was behind comes again and the first has not, the first was given up.
func TestWhatWasNotStoredIsWaitedForHoweverLateItsSenderReads(t *testing.T) {
	for name, tc := range map[string]struct {
		again []string
		want  []string
	}{
		"sent again": {again: []string{"1", "2", "3"}, want: []string{"confirmation 1", "confirmation 2", "confirmation 3"}},
		"given up":   {again: []string{"2", "3"}, want: []string{"confirmation 2", "confirmation 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				c, _, peer := liveWith(t, hub, b, wallet(newRoom()).rejoin())
				b.script(func() {
					b.send = func(streams.Message) (streams.Outcome, error) { return streams.SendFailed, streams.ErrBusy }
				})
				c.send("1", "offer", peer)
				pass(0)
				b.script(func() { b.send = nil })
				c.send("2", "iceCandidate", peer)
				pass(20 * time.Second)
				c.send("3", "iceCandidate", peer)
				pass(0)
				c.got("retryError 1", "retryError 2", "retryError 3")
				for _, id := range tc.again {
					c.send(id, "iceCandidate", peer)
				}
				pass(0)
				c.got(tc.want...)
			})
		})
	}
}

// Redis has come back without the session: what it refused for that is waited for, too, and names none that Redis has forgotten.
func TestWhatAnEmptyRedisRefusedIsWaitedFor(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		c, _, peer := liveWith(t, hub, b, wallet(newRoom()).rejoin())
		c.send("0", "offer", peer)
		pass(0)
		c.got("confirmation 0")
		b.script(func() {
			b.send = func(streams.Message) (streams.Outcome, error) { return streams.SenderFenced, nil }
		})
		c.send("1", "iceCandidate", peer)
		pass(0)
		b.script(func() { b.send = nil })
		hub.Regenerate()
		pass(0)
		c.send("2", "iceCandidate", peer)
		pass(testTimeout)
		if got := len(b.calls("send")); got != 2 {
			t.Fatalf("%d messages reached Redis, want 2: the third came in front of the second", got)
		}
		b.script(func() {
			b.send = func(m streams.Message) (streams.Outcome, error) {
				if string(m.RequestID) == `"1"` && m.Before != 0 {
					return streams.OutOfOrder, nil
				}
				return streams.Stored, nil
			}
		})
		c.unread()
		c.send("1", "iceCandidate", peer)
		c.send("2", "iceCandidate", peer)
		pass(0)
		c.got("confirmation 1", "confirmation 2")
	})
}

// Redis does not know the session, and cannot say what became of it: the answer is given all the same, in time. R30.
func TestEveryMessageIsAnsweredInTimeWhateverRedisForgot(t *testing.T) {
	for name, d := range map[string]func(wire.RoomID) dialer{
		"plain":     wallet,
		"rejoin.v1": func(r wire.RoomID) dialer { return wallet(r).rejoin() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				c, _, peer := liveWith(t, hub, b, d(newRoom()))
				b.send = func(streams.Message) (streams.Outcome, error) { return streams.SenderFenced, nil }
				b.sync = func(streams.Held, streams.EntryID) (streams.Synced, error) {
					return streams.Synced{}, streams.ErrUnavailable
				}
				c.send("1", "offer", peer)
				pass(testTimeout - time.Second)
				if got := c.unread(); len(got) > 0 {
					t.Errorf("answered early: %v", got)
				}
				pass(time.Second)
				if got := c.unread(); len(got) != 1 {
					t.Errorf("after REDIS_TIMEOUT: %v", got)
				}
			})
		})
	}
}
