package signaling_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/budget"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

func TestMessagesBeforeTheAttachAnswerAreKeptInOrder(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		b.shut()
		c := d.dial(t, hub)
		for i := range 100 {
			c.send(fmt.Sprint(i), "offer", newID())
		}
		c.text("no JSON")
		pass(time.Second)
		c.got()
		b.open()
		pass(0)
		got := c.unread()
		if d.subprotocols != "" {
			if got[0] != "session" {
				t.Fatalf("first %q, want the session", got[0])
			}
			got = got[1:]
		}
		if got[0] != "invalidMessageError " { // an error needs no round trip
			t.Errorf("got %q", got[0])
		}
		for i, m := range got[1:] {
			if m != confirmed(fmt.Sprint(i)) {
				t.Errorf("answer %d is %q", i, m)
			}
		}
		if len(got) != 101 {
			t.Errorf("%d answers to 101 messages", len(got))
		}
	})
}

// TestBusyWhileAttachingTakesLong: newcomers are told to come back later if earlier ones waited too long for Redis, until it has caught up.
// R19.
func TestBusyWhileAttachingTakesLong(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		b.shut()
		wallet(newRoom()).dial(t, hub)
		pass(3 * time.Second)
		if err := hub.Busy(); err != nil {
			t.Errorf("%v, but it is not known yet how long an attach takes", err)
		}
		b.open()
		pass(0)
		if err := hub.Busy(); err != nil {
			t.Errorf("%v, but no attach is waiting", err)
		}
		b.shut()
		wallet(newRoom()).dial(t, hub)
		pass(0)
		if hub.Busy() == nil {
			t.Error("not busy, but the last one waited for three seconds, and one waits")
		}
		b.open()
		pass(0)
		wallet(newRoom()).dial(t, hub)
		pass(0)
		if err := hub.Busy(); err != nil {
			t.Errorf("%v, but it has caught up", err)
		}
	})
}

// Early messages of all clients together are bounded too. If a client is sent away for that, a session waiting for it goes on waiting.
func TestTooMuchOfAllBeforeTheAttachAnswer(t *testing.T) {
	buffers := budget.New(100 << 10)
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		b.attach = attachedAs(newID(), nil)
		b.shut()
		big := strings.Repeat("x", 60<<10)
		first, second := wallet(newRoom()).dial(t, hub), wallet(newRoom()).dial(t, hub)
		first.text(body("m", "offer", newID(), big))
		second.text(body("m", "offer", newID(), big))
		second.wantClosed(wire.CloseTryAgainLater, "overloaded, try again later")
		second.lose()
		if held := buffers.Held(); held < 60<<10 || held > 100<<10 {
			t.Errorf("%d bytes are held, want those of the first", held)
		}
		b.open()
		pass(time.Second)
		if sent, left, lost := len(b.calls("send")), len(b.calls("leave")), len(b.calls("detach")); sent != 1 || left != 0 || lost != 1 {
			t.Errorf("%d sent, %d left, %d lost; want 1, 0, 1", sent, left, lost)
		}
		if first.closing() != nil || buffers.Held() != 0 {
			t.Errorf("the first is %v, %d bytes are held", first.closing(), buffers.Held())
		}
	}, func(cfg *signaling.Config) { cfg.Buffers = buffers })
}

func TestTooMuchBeforeTheAttachAnswerCloses(t *testing.T) {
	big := strings.Repeat("x", 60<<10)
	for name, tc := range map[string]struct {
		payload string
		n       int
	}{"many": {"sealed", 129}, "large": {big, 9}} {
		t.Run(name, func(t *testing.T) {
			bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
				b.shut()
				c := d.dial(t, hub)
				for i := range tc.n - 1 {
					c.text(body(fmt.Sprint(i), "offer", newID(), tc.payload))
				}
				if c.closing() != nil {
					t.Fatalf("connection %v before the bound", c.closing())
				}
				for range 200 {
					c.text(body("too many", "offer", newID(), tc.payload))
				}
				c.wantClosed(wire.CloseTryAgainLater, "too much sent before the session was ready")
				c.lose()
				b.open()
				pass(time.Second)
				if n := len(b.calls("send")); n != 0 {
					t.Errorf("%d messages of a refused connection were sent", n)
				}
				if len(b.calls("leave")) != 1 || hub.Sessions() != 0 {
					t.Error("what the attach brought was not ended")
				}
			})
		})
	}
}

func TestWhoLeavesWhileBeingAttached(t *testing.T) {
	resumes := map[string]func(streams.Attach) (streams.Attached, error){
		"fresh": nil, "resumed": attachedAs(newID(), nil),
	}
	for _, tc := range []struct {
		name    string
		d       dialer
		verdict string
		end     signaling.Closure
		want    string
	}{
		{"plain wallet, lost", wallet(newRoom()), "fresh", signaling.Closure{By: signaling.ClosedByLoss}, "detach"},
		{"plain wallet, closed", wallet(newRoom()), "fresh", signaling.Closure{By: signaling.ClosedByClient, Code: 1001}, "leave"},
		{"plain wallet that is back, lost", wallet(newRoom()), "resumed", signaling.Closure{By: signaling.ClosedByLoss}, "detach"},
		{"plain extension, lost", extension(newRoom()), "fresh", signaling.Closure{By: signaling.ClosedByLoss}, "leave"},
		// The token was never sent, so the client can never come back.
		{"rejoin.v1, lost", wallet(newRoom()).rejoin(), "fresh", signaling.Closure{By: signaling.ClosedByLoss}, "leave"},
		{"rejoin.v1 that is back, lost", wallet(newRoom()).rejoin(), "resumed", signaling.Closure{By: signaling.ClosedByLoss}, "detach"},
		{"rejoin.v1 that is back, 1001", wallet(newRoom()).rejoin(), "resumed", signaling.Closure{By: signaling.ClosedByClient, Code: 1001}, "detach"},
		{"rejoin.v1 that is back, 1000", wallet(newRoom()).rejoin(), "resumed", signaling.Closure{By: signaling.ClosedByClient, Code: 1000}, "leave"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				b.attach = resumes[tc.verdict]
				b.shut()
				c := tc.d.dial(t, hub)
				c.end(tc.end)
				pass(time.Second)
				if len(b.calls("leave"))+len(b.calls("detach")) != 0 {
					t.Error("ended before it was there")
				}
				b.open()
				pass(time.Second)
				if len(b.calls(tc.want)) != 1 || len(b.calls("leave"))+len(b.calls("detach")) != 1 || hub.Sessions() != 0 {
					t.Errorf("%d leaves, %d detaches, %d sessions, want one %s", len(b.calls("leave")), len(b.calls("detach")), hub.Sessions(), tc.want)
				}
			})
		})
	}
}

func TestAConnectionThatCannotBeRegisteredIsClosed(t *testing.T) {
	for name, tc := range map[string]struct {
		verdict streams.Verdict
		err     error
		client  string
		code    wire.CloseCode
		reason  string
	}{
		"away":     {err: streams.ErrUnavailable, code: wire.CloseInternal, reason: wire.ReasonNotRegistered},
		"busy":     {err: streams.ErrBusy, code: wire.CloseInternal, reason: wire.ReasonNotRegistered},
		"full":     {verdict: streams.RoomFull, code: wire.CloseTryAgainLater, reason: "too many clients in this room"},
		"nonsense": {verdict: streams.Fresh, client: "nobody", code: wire.CloseInternal, reason: wire.ReasonNotRegistered},
	} {
		t.Run(name, func(t *testing.T) {
			bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
				b.attach = func(streams.Attach) (streams.Attached, error) {
					return streams.Attached{Verdict: tc.verdict, Client: tc.client}, tc.err
				}
				c := d.dial(t, hub)
				c.send("r", "offer", newID())
				pass(0)
				c.wantClosed(tc.code, tc.reason)
				c.got()
				if hub.Sessions() != 0 || len(b.calls("send")) != 0 {
					t.Error("it goes on")
				}
			})
		})
	}
}

// Every message gets exactly one answer, whatever its outcome.
func TestEveryMessageHasOneAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		outcome       streams.Outcome
		err           error
		plain, rejoin string
	}{
		"stored":        {outcome: streams.Stored, plain: "confirmation r", rejoin: "confirmation r"},
		"stored before": {outcome: streams.StoredBefore, plain: "confirmation r", rejoin: "confirmation r"},
		"missing":       {outcome: streams.Missing, plain: missing("r"), rejoin: missing("r")},
		"mailbox full":  {outcome: streams.MailboxFull, plain: missing("r"), rejoin: "mailboxFullError r"},
		"away":          {err: streams.ErrUnavailable, plain: missing("r"), rejoin: "retryError r"},
		"busy":          {err: streams.ErrBusy, plain: missing("r"), rejoin: "retryError r"},
		"fenced":        {outcome: streams.SenderFenced, plain: missing("r"), rejoin: "retryError r"},
		"shutting down": {err: streams.ErrClosed, plain: missing("r"), rejoin: "retryError r"},
	} {
		t.Run(name, func(t *testing.T) {
			bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
				c, _, peer := liveWith(t, hub, b, d)
				b.script(func() { b.send = func(streams.Message) (streams.Outcome, error) { return tc.outcome, tc.err } })
				c.send("r", "offer", peer)
				pass(0)
				if d.subprotocols == "" {
					c.got(tc.plain)
				} else {
					c.got(tc.rejoin)
				}
			})
		})
	}
}

// Answers from Redis to a connection that has meanwhile lost its session change nothing.
func TestAnswersAfterTheEndOfASessionAreIgnored(t *testing.T) {
	fenced := func(b *scripted) {
		b.sync = func(streams.SessionRef, streams.EntryID) (streams.Synced, error) {
			return streams.Synced{Holding: streams.HoldingFenced}, nil
		}
		b.restore = func(streams.Attach) (streams.Attached, error) {
			return streams.Attached{Verdict: streams.RestoreFenced}, nil
		}
		b.ack = func(streams.SessionRef, streams.EntryID) (streams.Holding, error) { return streams.HoldingFenced, nil }
		b.send = func(streams.Message) (streams.Outcome, error) { return streams.SenderFenced, nil }
	}
	for name, ask := range map[string]func(hub *signaling.Hub, c *client, peer string){
		"sync":    func(hub *signaling.Hub, _ *client, _ string) { hub.Reconcile() },
		"restore": func(hub *signaling.Hub, _ *client, _ string) { hub.Regenerate() },
		"ack":     func(_ *signaling.Hub, c *client, _ string) { c.ack("7-0") },
		"send":    func(_ *signaling.Hub, c *client, peer string) { c.send("r", "offer", peer) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				d := wallet(newRoom()).rejoin()
				c, me, peer := liveWith(t, hub, b, d)
				delivered(hub, d, c, me, peer, 1)
				number := b.calls("attach")[0].attach.Session
				b.script(func() { fenced(b) })
				b.shut()
				ask(hub, c, peer)
				time.Sleep(time.Second) // for the hub to come to it
				b.script(func() { b.log = nil })
				hub.Bell(&streams.Bell{Kind: streams.BellFenced, Room: d.room.String(), Client: me, Session: number})
				c.unread()
				b.open()
				pass(time.Minute)
				if calls := b.calls(""); len(calls) != 1 || calls[0].name != "count" {
					t.Errorf("calls %+v, want one that counts its messages", calls)
				}
				c.got()
				if hub.Sessions() != 0 {
					t.Errorf("%d sessions", hub.Sessions())
				}
			})
		})
	}
}

// A sender that is refused as fenced finds out whether another connection has its session, or none has.
func TestAFencedSenderIsClosedOrRestored(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		c, _, peer := liveWith(t, hub, b, d)
		b.script(func() {
			b.send = func(streams.Message) (streams.Outcome, error) { return streams.SenderFenced, nil }
			b.sync = func(streams.SessionRef, streams.EntryID) (streams.Synced, error) {
				return streams.Synced{Holding: streams.HoldingGone}, nil
			}
		})
		c.send("r", "offer", peer)
		pass(0)
		if n := len(b.calls("restore")); n != 1 || c.closing() != nil {
			t.Fatalf("%d restores, connection %v, want it restored", n, c.closing())
		}
		b.script(func() {
			b.sync = func(streams.SessionRef, streams.EntryID) (streams.Synced, error) {
				return streams.Synced{Holding: streams.HoldingFenced}, nil
			}
		})
		c.send("r", "offer", peer)
		pass(0)
		c.wantClosed(wire.CloseResumedElsewhere, wire.ReasonResumedElsewhere)
		c.lose()
		pass(time.Second)
		if len(b.calls("leave"))+len(b.calls("detach")) != 0 {
			t.Error("a fenced connection ended a session that is another's")
		}
	})
}
