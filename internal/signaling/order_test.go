package signaling_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// orderly is a Redis that stores like streams/lua/send.lua, unless fails says that it does not answer for a message. A message that names
// the last stored one as its predecessor is only compared with the last 3.
type orderly struct {
	fails  func(requestID string) bool
	last   uint64 // stored
	prints map[uint64]bool
	stored []string
}

func (o *orderly) send(m streams.Message) (streams.Outcome, error) {
	id, _ := strconv.Unquote(string(m.RequestID))
	switch {
	case o.fails != nil && o.fails(id):
		return streams.SendFailed, streams.ErrUnavailable
	case o.prints[m.Fingerprint] && (m.Before != o.last || slices.Contains(o.stored[max(0, len(o.stored)-3):], id)):
		return streams.StoredBefore, nil
	case m.Before != 0 && m.Before != o.last:
		return streams.OutOfOrder, nil
	}
	if o.prints == nil {
		o.prints = map[uint64]bool{}
	}
	o.last, o.prints[m.Fingerprint] = m.Fingerprint, true
	o.stored = append(o.stored, id)
	return streams.Stored, nil
}

// empty is a Redis that came back without its data.
func (o *orderly) empty() { o.last, o.prints = 0, nil }

func (o *orderly) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(o.stored, want) {
		t.Fatalf("stored %v, want %v", o.stored, want)
	}
}

// A client that reads its answers late has not given up a message that it is told to resend: later ones stay behind it. If later ones come
// again but the first does not, the client gave it up.
func TestWhatWasNotStoredIsWaitedForHoweverLateItsSenderReads(t *testing.T) {
	for name, again := range map[string][]string{"sent again": {"1", "2", "3"}, "given up": {"2", "3"}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				c, _, peer := liveWith(t, hub, b, wallet(newRoom()).rejoin())
				o := &orderly{fails: func(string) bool { return true }}
				b.script(func() { b.send = o.send })
				c.send("1", "offer", peer)
				pass(0)
				b.script(func() { o.fails = nil })
				c.send("2", "iceCandidate", peer)
				pass(20 * time.Second)
				c.send("3", "iceCandidate", peer)
				pass(0)
				c.got("retryError 1", "retryError 2", "retryError 3")
				for _, id := range again {
					c.send(id, "iceCandidate", peer)
				}
				pass(0)
				o.want(t, again...)
			})
		})
	}
}

// A client that goes on sending without resending is served once it must have read its answers.
func TestWhatIsNeverSentAgainIsGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		c, _, peer := liveWith(t, hub, b, wallet(newRoom()).rejoin())
		o := &orderly{fails: func(string) bool { return true }}
		b.script(func() { b.send = o.send })
		c.send("1", "offer", peer)
		pass(0)
		b.script(func() { o.fails = nil })
		pass(2*testConfig().PingInterval + testTimeout + time.Second)
		c.send("2", "offer", peer)
		pass(0)
		o.want(t, "2")
	})
}

// Redis is unreachable while a client resends everything several times, and the rounds overlap: the answer to an attempt comes during the
// next one. When Redis is back, and every session was attached again, the order is the client's.
func TestAttemptsThatOverlapKeepTheOrder(t *testing.T) {
	for name, back := range map[string]func(*signaling.Hub){
		"attached again": (*signaling.Hub).Regenerate,
		"not even that":  func(*signaling.Hub) {},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				c, _, peer := liveWith(t, hub, b, wallet(newRoom()).rejoin())
				away, turns := true, make(chan struct{})
				o := &orderly{}
				o.fails = func(string) bool {
					if away {
						<-turns
					}
					return away
				}
				b.script(func() { b.send = func(m streams.Message) (streams.Outcome, error) { return o.send(m) } })
				answer := func() {
					turns <- struct{}{}
					pass(0)
				}
				c.send("1", "offer", peer)
				c.send("2", "iceCandidate", peer)
				answer() // 1 failed
				c.send("1", "offer", peer)
				answer() // 2 failed, and 1 is under way for the second time
				answer() // 1 failed again
				c.send("2", "iceCandidate", peer)
				answer() // and 2
				away = false
				back(hub)
				pass(0)
				for range 4 { // whatever is refused is sent again, with all behind it
					for _, id := range []string{"1", "2", "3"} {
						c.send(id, "iceCandidate", peer)
					}
					pass(0)
				}
				o.want(t, "1", "2", "3")
			})
		})
	}
}

// The answer to a message is lost, that to the next one is not: the first is sent again, was stored, and those behind need not wait for it.
func TestAnAnswerThatWasLostHoldsUpNothing(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		c, _, peer := liveWith(t, hub, b, wallet(newRoom()).rejoin())
		o := &orderly{}
		b.script(func() {
			b.send = func(m streams.Message) (streams.Outcome, error) {
				outcome, err := o.send(m)
				if string(m.RequestID) == `"1"` && outcome == streams.Stored {
					return streams.SendFailed, streams.ErrUnavailable
				}
				return outcome, err
			}
		})
		c.send("1", "offer", peer)
		c.send("2", "iceCandidate", peer)
		pass(0)
		c.got("retryError 1", "confirmation 2")
		for _, id := range []string{"3", "4", "5"} {
			c.send(id, "iceCandidate", peer)
		}
		pass(0)
		c.got("confirmation 3", "confirmation 4", "confirmation 5")
		c.send("1", "offer", peer)
		c.send("6", "iceCandidate", peer)
		pass(0)
		c.got("confirmation 1", "confirmation 6")
		o.want(t, "1", "2", "3", "4", "5", "6")
	})
}

// Redis has come back without the session: what it refused for that is waited for, too, and names none that Redis has forgotten.
func TestWhatAnEmptyRedisRefusedIsWaitedFor(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		c, _, peer := liveWith(t, hub, b, wallet(newRoom()).rejoin())
		o := &orderly{}
		b.script(func() { b.send = o.send })
		c.send("0", "offer", peer)
		pass(0)
		c.got("confirmation 0")
		b.script(func() {
			o.empty()
			b.send = func(streams.Message) (streams.Outcome, error) { return streams.SenderFenced, nil }
		})
		c.send("1", "iceCandidate", peer)
		pass(0)
		b.script(func() { b.send = o.send })
		hub.Regenerate()
		pass(0)
		c.send("2", "iceCandidate", peer)
		pass(testTimeout)
		c.unread()
		o.want(t, "0")
		c.send("1", "iceCandidate", peer)
		c.send("2", "iceCandidate", peer)
		pass(0)
		c.got("confirmation 1", "confirmation 2")
		o.want(t, "0", "1", "2")
	})
}

// A new primary lacks what the one before confirmed last: the message that names it is refused once, and those behind it with it.
func TestWhatANewPrimaryLacksIsNotWaitedFor(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		c, _, peer := liveWith(t, hub, b, wallet(newRoom()).rejoin())
		o := &orderly{}
		b.script(func() { b.send = o.send })
		c.send("1", "offer", peer)
		pass(0)
		b.script(o.empty)
		for range 2 {
			c.unread()
			c.send("2", "iceCandidate", peer)
			c.send("3", "iceCandidate", peer)
			pass(0)
		}
		c.got("confirmation 2", "confirmation 3")
		o.want(t, "1", "2", "3")
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
				b.sync = func(streams.SessionRef, streams.EntryID) (streams.Synced, error) {
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
