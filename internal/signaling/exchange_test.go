package signaling_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

func TestWhatIsSentAgainIsDeliveredOnce(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		e := extension(newRoom()).rejoin()
		ext, wal, _, walID := meet(t, x, y, e, wallet(e.room))
		token := parse(t, ext.texts()[0]).ResumeToken
		for range 2 {
			ext.send("r", "offer", walID)
			ext.expect(confirmed("r"))
		}
		ext.lose()
		back := e.resume(token, "").dial(t, y.Hub)
		back.welcome()
		back.send("r", "offer", walID)
		back.send("s", "iceCandidate", walID)
		back.expect(confirmed("r"), confirmed("s"))
		wal.expect("data r", "data s")
	})
}

func TestAPlainClientMayRepeatItself(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		e := extension(newRoom())
		ext, wal, _, walID := meet(t, x, y, e, wallet(e.room))
		for range 2 {
			ext.send("r", "offer", walID)
		}
		ext.expect(confirmed("r"), confirmed("r"))
		wal.expect("data r", "data r")
	})
}

func TestUndeliveredMessagesAreReported(t *testing.T) {
	everywhere(t, streams.Options{Grace: 400 * time.Millisecond}, func(t *testing.T, x, y *place) {
		d := wallet(newRoom()).rejoin()
		ext, wal, _, walID := meet(t, x, y, extension(d.room).rejoin(), d)
		plain := extension(d.room).dial(t, y.Hub)
		plain.expect(already(walID))
		wal.expect("remoteClientJustConnected " + wal.lastPeer())
		wal.lose()
		ext.expect(suspended(walID))
		requests(ext, walID, 2)
		plain.send("p", "offer", walID)
		plain.expect(confirmed("p"))
		ext.expect(gone(walID) + ` ["c0","c1"]`)
		plain.expect(gone(walID))
		ext.send("late", "offer", walID)
		ext.expect(missing("late"))
	})
}

// lastPeer waits for one more message and returns whom it is about, without reading it.
func (c *client) lastPeer() string {
	c.tb.Helper()
	if !c.until(func() bool { return len(c.frames) > c.read }) {
		c.tb.Fatal("no further message")
	}
	texts := c.texts()
	return parse(c.tb, texts[len(texts)-1]).RemoteClientID
}

func TestASenderThatWasAwayIsToldWhatWasNotDelivered(t *testing.T) {
	const grace = time.Second
	everywhere(t, streams.Options{Grace: grace}, func(t *testing.T, x, y *place) {
		e := extension(newRoom()).rejoin()
		ext, wal, _, walID := meet(t, x, y, e, wallet(e.room).rejoin())
		watcher := extension(e.room).dial(t, x.Hub)
		watcher.expect(already(walID))
		token := parse(t, ext.texts()[0]).ResumeToken
		requests(ext, walID, 2)
		wal.lose()
		ext.expect(suspended(walID))
		<-time.After(grace / 2) // so that the wallet's window ends in the middle of the sender's
		ext.lose()
		watcher.expect(gone(walID))
		back := e.resume(token, "").dial(t, y.Hub)
		m := back.welcome()
		if want := `[{"remoteClientId":"` + walID + `","requestIds":["c0","c1"]}]`; !m.Resumed || string(m.Undelivered) != want {
			t.Errorf("came back to %+v, undelivered %s, want %s", m, m.Undelivered, want)
		}
	})
}

func TestAFullMailboxRefuses(t *testing.T) {
	everywhere(t, streams.Options{MailboxEntries: 3}, func(t *testing.T, x, y *place) {
		d := wallet(newRoom()).rejoin()
		ext, wal, _, walID := meet(t, x, y, extension(d.room).rejoin(), d)
		token := parse(t, wal.texts()[0]).ResumeToken
		plain := extension(d.room).dial(t, y.Hub)
		plain.expect(already(walID))
		want := requests(ext, walID, 3) // it does not acknowledge
		ext.send("more", "offer", walID)
		ext.expect("mailboxFullError more")
		plain.send("more", "offer", walID)
		plain.expect(missing("more"))
		wal.lose()
		ext.expect(suspended(walID))
		back := d.resume(token, "").dial(t, x.Hub)
		m := back.welcome()
		back.expect(want...)
		texts := back.texts()
		back.ack(parse(t, texts[len(texts)-1]).ID)
		if !m.Resumed || m.Replay != 3 {
			t.Fatalf("came back to %+v", m)
		}
		// Room again, as soon as the ack is flushed.
		ext.expect(resumed(walID))
		for i := 0; ; i++ {
			id := fmt.Sprint("again", i)
			ext.send(id, "offer", walID)
			if got := ext.next().short(); got == confirmed(id) {
				back.expect("data " + id)
				return
			} else if got != "mailboxFullError "+id {
				t.Fatalf("got %q", got)
			}
		}
	})
}

func TestALargeMessageIsReadFromTheMailbox(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		bothWays(t, x, y, func(ext, wal *client, walID string) {
			large := strings.Repeat("x", 40<<10)
			for i := range 3 {
				ext.send(fmt.Sprint("small", i), "offer", walID)
				ext.text(body(fmt.Sprint("large", i), "iceCandidate", walID, large))
			}
			for i := range 3 {
				wal.expect(fmt.Sprint("data small", i), fmt.Sprint("data large", i))
			}
			texts := wal.texts()
			if last := texts[len(texts)-1]; !strings.Contains(last, large) {
				t.Errorf("%d bytes arrived", len(last))
			}
		})
	})
}

// bothWays runs a test with a plain wallet and a rejoin.v1 one.
func bothWays(t *testing.T, x, y *place, test func(ext, wal *client, walID string)) {
	t.Helper()
	for _, d := range []dialer{wallet(newRoom()), wallet(newRoom()).rejoin()} {
		ext, wal, _, walID := meet(t, x, y, extension(d.room), d)
		test(ext, wal, walID)
	}
}

func TestLostDoorbellsLoseNothing(t *testing.T) {
	everywhere(t, streams.Options{PageEntries: 4}, func(t *testing.T, x, y *place) {
		bothWays(t, x, y, func(ext, wal *client, walID string) {
			n := 0
			y.losing(func(b *streams.Bell) bool {
				if b.Kind == streams.BellData {
					n++
				}
				return b.Kind == streams.BellData && n%3 != 0
			})
			want := requests(ext, walID, 29)
			y.losing(nil)
			y.Reconcile() // as after a new subscription
			wal.expect(want...)
			ext.send("end", "offer", walID)
			wal.expect("data end")
		})
	})
}

func TestLostPresenceIsMadeUpFor(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		room := newRoom()
		wal := wallet(room).rejoin().dial(t, y.Hub)
		walID := wal.welcome().ClientID
		y.losing(func(*streams.Bell) bool { return true })
		one := extension(room).dial(t, x.Hub)
		one.expect(already(walID))
		two := extension(room).dial(t, x.Hub)
		two.expect(already(walID))
		y.losing(func(b *streams.Bell) bool { return b.Kind != streams.BellData })
		one.send("r", "offer", walID)
		one.expect(confirmed("r"))
		got := []string{wal.next().Info, wal.next().Info, wal.next().Info}
		if !slices.Equal(got, []string{"remoteClientJustConnected", "remoteClientJustConnected", "remoteData"}) {
			t.Errorf("got %q, want both announced before the data", got)
		}
		two.leave(wire.CloseNormal)
		one.send("s", "offer", walID)
		one.expect(confirmed("s"))
		wal.expect("data s")
		y.losing(nil)
		y.Reconcile()
		if m := wal.next(); m.Info != "remoteClientDisconnected" {
			t.Errorf("got %+v, want the end that was lost", m)
		}
	})
}

// Many clients come and go: each announced one is announced once, and then reported gone once.
func TestFlappingClientsAreAnnouncedInOrder(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		room := newRoom()
		wal := wallet(room).dial(t, x.Hub)
		wal.ready()
		for i := range 100 {
			c := extension(room).dial(t, y.Hub)
			if i%2 == 0 {
				c.next()
			}
			c.leave(wire.CloseGoingAway)
		}
		stays := extension(room).rejoin().dial(t, y.Hub).welcome().ClientID
		there := map[string]bool{}
		gone := 0
		for {
			m := wal.next()
			id := m.RemoteClientID
			live, known := there[id]
			switch {
			case m.Info == "remoteClientJustConnected" && !known:
				there[id] = true
			case m.Info == "remoteClientDisconnected" && live:
				there[id] = false
				gone++
			default:
				t.Fatalf("%s of a client that is live: %v, known: %v", m.Info, live, known)
			}
			if there[stays] && gone == len(there)-1 {
				break
			}
		}
		if gone < 50 {
			t.Errorf("%d clients were announced, at least 50 were there", gone)
		}
	})
}

// REQUIREMENTS 12: one sender's messages stay in order, and so do its answers.
func TestMessagesAndAnswersStayInOrder(t *testing.T) {
	everywhere(t, streams.Options{MailboxEntries: 1000}, func(t *testing.T, x, y *place) {
		bothWays(t, x, y, func(ext, wal *client, walID string) {
			const n = 300
			for i := range n {
				ext.send(fmt.Sprint(i), "iceCandidate", walID)
			}
			for i := range n {
				ext.expect(confirmed(fmt.Sprint(i)))
			}
			for i := range n {
				wal.expect("data " + fmt.Sprint(i))
			}
		})
	})
}

// REQUIREMENTS 6 and 13: the instance dies with its clients; the other one ends their windows.
func TestAnInstanceDies(t *testing.T) {
	t.Parallel()
	opt := streams.Options{URL: sharedRedis(t), Grace: 300 * time.Millisecond, Lease: time.Second}
	x, y := newPlace(t, opt), newPlace(t, opt)
	d := wallet(newRoom())
	asked, _, _, walID := meet(t, x, y, extension(d.room).rejoin(), d.rejoin())
	plain := extension(d.room).dial(t, x.Hub)
	plain.expect(already(walID))
	y.stop() // no peer is told
	asked.expect(suspended(walID), gone(walID))
	plain.expect(gone(walID))
}
