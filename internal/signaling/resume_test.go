package signaling_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// A resume fences the older connection however alive it looks.
func TestAResumeFencesTheOlderConnection(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		d := wallet(newRoom()).rejoin()
		ext, old, extID, walID := meet(t, x, y, extension(d.room).rejoin(), d)
		token := parse(t, old.texts()[0]).ResumeToken
		ext.send("1", "offer", walID)
		ext.expect(confirmed("1"))
		old.expect("data 1")
		id := parse(t, old.texts()[len(old.texts())-1]).ID
		// Its doorbell is lost: the old connection does not know.
		y.losing(func(b *streams.Bell) bool { return b.Kind == streams.BellFenced })
		back := d.resume(token, "").dial(t, x.Hub)
		if m := back.welcome(); !m.Resumed || m.Replay != 1 {
			t.Fatalf("came back to %+v", m)
		}
		back.expect("data 1")
		old.ack(id)                                                             // it cannot acknowledge,
		old.send("evil", "offer", extID)                                        // nor send,
		old.wantClosed(wire.CloseResumedElsewhere, wire.ReasonResumedElsewhere) // and finds out
		old.lose()
		third := d.resume(token, "").dial(t, y.Hub)
		if m := third.welcome(); !m.Resumed || m.Replay != 1 {
			t.Fatalf("the older one's ack counted: %+v", m)
		}
		back.until(func() bool { return x != y || back.closed != nil })
		ext.send("2", "offer", walID)
		third.expect("data 1", "data 2")
	})
}

func TestWhyAResumeIsRefused(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		room, other := newRoom(), newRoom()
		first := wallet(room).rejoin().dial(t, x.Hub)
		hello := first.welcome()
		id, _ := wire.ParseClientID([]byte(hello.ClientID))
		first.lose()
		token := func(c wire.ClientID, age time.Duration) string {
			return wire.NewResumeToken(c, room, wire.Wallet, time.Now().Add(-age)).String()
		}
		for name, tc := range map[string]struct {
			d    dialer
			want string
		}{
			"no token at all":       {wallet(room).resume("nonsense", ""), wire.ReasonUnknown},
			"truncated":             {wallet(room).resume(hello.ResumeToken[:53], ""), wire.ReasonUnknown},
			"nobody's":              {wallet(room).resume(token(wire.NewClientID(), 0), ""), wire.ReasonUnknown},
			"nobody's any more":     {wallet(room).resume(token(wire.NewClientID(), time.Hour), ""), wire.ReasonExpired},
			"another secret":        {wallet(room).resume(token(id, 0), ""), wire.ReasonMismatch},
			"another room":          {wallet(other).resume(hello.ResumeToken, ""), wire.ReasonMismatch},
			"another role":          {extension(room).resume(hello.ResumeToken, ""), wire.ReasonMismatch},
			"a cursor that is none": {wallet(room).resume(hello.ResumeToken, "yesterday"), wire.ReasonMismatch},
			"a cursor with zeros":   {wallet(room).resume(hello.ResumeToken, "01-1"), wire.ReasonMismatch},
		} {
			c := tc.d.dial(t, y.Hub)
			m := c.welcome()
			if m.Resumed || m.Reason != tc.want || m.ClientID == hello.ClientID || m.ResumeToken == "" {
				t.Errorf("%s: got %+v, want %q and a fresh session", name, m, tc.want)
			}
			c.leave(wire.CloseNormal)
		}
		// None of them harmed it.
		c := wallet(room).resume(hello.ResumeToken, "").dial(t, y.Hub)
		again := c.welcome()
		if !again.Resumed {
			t.Errorf("refused too: %+v", again)
		}
		c.lose()
		c = wallet(room).resume(again.ResumeToken, "9999999999999-1").dial(t, y.Hub)
		if m := c.welcome(); m.Resumed || m.Reason != wire.ReasonLost {
			t.Errorf("a cursor beyond all: got %+v", m)
		}
	})
}

// The session frame of a resume may be lost: the token shown for it stays good until the client has spoken.
func TestTheOlderTokenIsGoodUntilTheClientSpeaks(t *testing.T) {
	for name, speak := range map[string]func(c *client){
		"a message": func(c *client) {
			c.send("r", "offer", newID())
			c.expect(missing("r"))
		},
		"an ack": func(c *client) { c.ack("0-0") },
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
				d := wallet(newRoom())
				c := d.rejoin().dial(t, x.Hub)
				hello := c.welcome()
				c.lose()
				for range 3 {
					c = d.resume(hello.ResumeToken, "").dial(t, y.Hub)
					if m := c.welcome(); !m.Resumed || m.ClientID != hello.ClientID {
						t.Fatalf("refused: %+v", m)
					}
					c.lose()
				}
				c = d.resume(hello.ResumeToken, "").dial(t, x.Hub)
				again := c.welcome()
				speak(c)
				c.lose()
				if m := d.resume(hello.ResumeToken, "").dial(t, x.Hub).welcome(); m.Resumed || m.Reason != wire.ReasonMismatch {
					t.Errorf("the older token is still good: %+v", m)
				}
				if m := d.resume(again.ResumeToken, "").dial(t, y.Hub).welcome(); !m.Resumed {
					t.Errorf("the newer token is not: %+v", m)
				}
			})
		})
	}
}

// A resume by the older token is asked once more whether it has a client: it may be an attempt that the client gave up. One whose network is gone without a
// word does not answer.
func TestAResumeByTheOlderTokenIsAskedAgain(t *testing.T) {
	for _, name := range []string{"there", "gone", "half-open"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				d := wallet(newRoom()).rejoin()
				token := d.dial(t, hub).welcome().ResumeToken
				b.attach = func(a streams.Attach) (streams.Attached, error) {
					if a.Holder == "" {
						return streams.Attached{Verdict: streams.Held, Contested: []streams.SessionRef{{Room: a.Room, Client: a.Resume, Session: "holder"}}}, nil
					}
					r := fresh(a)
					r.Verdict, r.Client = streams.Resumed, a.Resume
					return r, nil
				}
				b.shut()
				d = d.resume(token, "")
				if name == "half-open" {
					d = d.pongless()
				}
				c := d.dial(t, hub)
				if name == "gone" {
					c.lose()
				}
				b.open()
				synctest.Wait()
				calls, open := b.calls("attach")[1:], hub.Sessions()
				if name != "there" {
					if len(calls) != 1 {
						t.Errorf("%d attaches for a client that is gone", len(calls))
					}
					if c.lose(); hub.Sessions() != 1 { // the one that the token is of
						t.Errorf("%d sessions, then %d", open, hub.Sessions())
					}
					return
				}
				if len(calls) != 2 || calls[1].attach.Holder != "holder" || !c.welcome().Resumed {
					t.Errorf("attaches %+v", calls)
				}
			})
		})
	}
}

// REQUIREMENTS 3: fifty resumes in a row, without traffic and with a little.
func TestFiftyResumesInARow(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		d := wallet(newRoom())
		ext, c, _, walID := meet(t, x, y, extension(d.room), d.rejoin())
		token, after := parse(t, c.texts()[0]).ResumeToken, ""
		for i := range 50 {
			c.lose()
			id := fmt.Sprint(i)
			if i%2 == 0 {
				ext.send(id, "iceCandidate", walID)
				ext.expect(confirmed(id))
			}
			c = d.resume(token, after).dial(t, []*place{x, y}[i%2].Hub)
			m := c.welcome()
			if !m.Resumed || m.ClientID != walID || m.Replay != 1-i%2 {
				t.Fatalf("resume %d: %+v", i, m)
			}
			token = m.ResumeToken
			if i%2 == 0 {
				data := c.next()
				if data.short() != "data "+id {
					t.Fatalf("resume %d: got %+v", i, data)
				}
				after = data.ID
			}
		}
		ext.send("end", "offer", walID)
		c.expect("data end")
		ext.expect(confirmed("end")) // and never a word of the absences
	})
}
