package signaling_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// ofUser has a client show a token of that user.
func (d dialer) ofUser(user string, left time.Duration) dialer {
	d.who = &wire.Identity{User: user, TokenID: "1", Expires: time.Now().Add(left), Late: left <= 0}
	return d
}

// resumeToken returns one that fits a room, of no session.
func resumeToken(d dialer) string {
	return wire.NewResumeToken(wire.NewClientID(), d.room, d.role, time.Now()).String()
}

func TestATokenRunsOut(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		const left = 10 * time.Minute
		d := wallet(newRoom())
		c, plain, unnamed := d.rejoin().ofUser("ada", left).dial(t, hub), d.ofUser("ada", left).dial(t, hub), d.rejoin().dial(t, hub)
		start := time.Now()
		c.welcome()
		unnamed.welcome()
		pass(left - 32*time.Second)
		c.got()
		pass(2 * time.Second)
		m := c.next()
		if m.short() != "goAway auth" || m.ReconnectInMs <= 0 || m.ReconnectInMs > 30_000 {
			t.Errorf("got %+v", m)
		}
		pass(29 * time.Second)
		c.got() // once
		if c.closing() != nil || plain.closing() != nil {
			t.Errorf("closed early: %v, %v", c.closing(), plain.closing())
		}
		for _, x := range []*client{c, plain} {
			x.wantClosed(wire.CloseToken, wire.ReasonTokenExpired)
			if late := x.closing().at.Sub(start) - left; late < 0 || late > time.Second {
				t.Errorf("closed %v after it ran out", late)
			}
		}
		plain.got()
		if n := len(b.calls("detach")); n != 2 {
			t.Errorf("%d sessions wait for their clients, want 2", n)
		}
		pass(time.Hour)
		if unnamed.closing() != nil {
			t.Errorf("one without a token: %v", unnamed.closing())
		}
	})
}

// TestALateTokenIsForResumingOnly: it gets the existing session, and is asked for a fresh token at once; it gets no other, and what
// cannot be resumed costs Redis nothing.
func TestALateTokenIsForResumingOnly(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d := wallet(newRoom()).rejoin()
		for _, shown := range []dialer{d, d.resume("nonsense", ""), d.resume(resumeToken(wallet(newRoom())), ""), d.resume(resumeToken(d), "nonsense")} {
			c := shown.ofUser("ada", -time.Second).dial(t, hub)
			c.wantClosed(wire.CloseToken, wire.ReasonTokenExpired)
			c.got()
		}
		if calls := b.calls(""); len(calls) != 0 {
			t.Errorf("Redis was asked: %+v", calls)
		}

		b.script(func() {
			b.attach = func(streams.Attach) (streams.Attached, error) {
				return streams.Attached{Verdict: streams.NotResumed}, nil
			}
		})
		c := d.resume(resumeToken(d), "").ofUser("ada", -time.Second).dial(t, hub)
		c.wantClosed(wire.CloseToken, wire.ReasonTokenExpired)
		c.got()
		if a := b.calls("attach")[0].attach; a.NewClient != "" || a.User != "ada" {
			t.Errorf("asked for %+v", a)
		}

		me := newID()
		b.script(func() { b.attach = attachedAs(me, nil) })
		c = d.resume(resumeToken(d), "").ofUser("ada", -time.Second).dial(t, hub)
		start := time.Now()
		if m := c.welcome(); !m.Resumed {
			t.Errorf("got %+v", m)
		}
		c.expect("goAway auth")
		pass(testGrace - 3*time.Second)
		c.wantClosed(wire.CloseToken, wire.ReasonTokenExpired)
		if after := time.Since(start); after < testGrace-2*time.Second || after > testGrace {
			t.Errorf("closed after %v, with a window of %v", after, testGrace)
		}
	})
}

func TestARevokedTokenEndsItsSession(t *testing.T) {
	var revoked atomic.Bool
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d := wallet(newRoom()).rejoin()
		eve, ada, unnamed := d.ofUser("eve", time.Hour).dial(t, hub), d.ofUser("ada", time.Hour).dial(t, hub), d.dial(t, hub)
		me := eve.welcome().ClientID
		ada.welcome()
		unnamed.welcome()
		revoked.Store(true)
		start := time.Now()
		hub.Recheck()
		eve.wantClosed(wire.CloseToken, wire.ReasonTokenRevoked)
		if after := time.Since(start); after > time.Second {
			t.Errorf("after %v", after)
		}
		pass(0)
		if left := b.calls("leave"); len(left) != 1 || left[0].client != me {
			t.Errorf("ended: %+v", left)
		}
		if ada.closing() != nil || unnamed.closing() != nil {
			t.Errorf("others: %v, %v", ada.closing(), unnamed.closing())
		}
		// One that was let in a moment before the edge knew.
		before := len(b.calls("attach"))
		late := d.ofUser("eve", time.Hour).dial(t, hub)
		late.wantClosed(wire.CloseToken, wire.ReasonTokenRevoked)
		if n := len(b.calls("attach")); n != before {
			t.Errorf("it was attached")
		}
		// One that waits for Redis.
		revoked.Store(false)
		b.shut()
		waiting := d.ofUser("eve", time.Hour).dial(t, hub)
		pass(0)
		revoked.Store(true)
		hub.Recheck()
		pass(0)
		b.open()
		waiting.wantClosed(wire.CloseToken, wire.ReasonTokenRevoked)
		pass(0) // until what it got is given back
		// One that comes back to its session, and waits for Redis: that session ends, and does not wait for a client.
		revoked.Store(false)
		mine := newID()
		b.script(func() { b.attach = attachedAs(mine, nil) })
		b.shut()
		back := d.resume(resumeToken(d), "").ofUser("eve", time.Hour).dial(t, hub)
		pass(0)
		revoked.Store(true)
		hub.Recheck()
		pass(0)
		b.open()
		back.wantClosed(wire.CloseToken, wire.ReasonTokenRevoked)
		pass(0)
		if left := b.calls("leave"); left[len(left)-1].client != mine {
			t.Errorf("ended: %+v, want %s too", left, mine)
		}
	}, func(cfg *signaling.Config) {
		cfg.Revoked = func(who *wire.Identity, _ time.Time) bool { return who.User == "eve" && revoked.Load() }
	})
}

// TestWhatTheOperatorEndsIsEnded: the connection closes, and nothing is asked of Redis, where it is done.
func TestWhatTheOperatorEndsIsEnded(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		c, me, _ := liveWith(t, hub, b, d)
		calls := b.calls("attach")
		bell := streams.Bell{Kind: streams.BellRemoved, Room: d.room.String(), Client: me, Session: calls[len(calls)-1].attach.Session}
		hub.Bell(&bell)
		bell.Kind = streams.BellFenced // for instances of earlier versions
		hub.Bell(&bell)
		c.wantClosed(wire.CloseRemoved, wire.ReasonRemoved)
		c.lose()
		pass(2 * time.Second)
		for _, name := range []string{"leave", "detach", "count"} {
			if n := len(b.calls(name)); n != 0 {
				t.Errorf("%d calls of %s", n, name)
			}
		}
	})
}

// TestPeersAreToldWhose a session is, on rejoin.v1; a plain peer hears nothing of it.
func TestPeersAreToldWhose(t *testing.T) {
	bothDialects(t, func(t *testing.T, hub *signaling.Hub, b *scripted, d dialer) {
		named, unnamed, late := peerOf(newID()), peerOf(newID()), newID()
		named.User = `ada "the first"`
		b.script(func() { b.attach = with(named, unnamed) })
		c := d.ofUser("me", time.Hour).dial(t, hub)
		c.next()
		joined := presence(d.room, streams.BellJoined, late, 2)
		joined.User = "eve"
		hub.Bell(joined)
		pass(0)
		all := strings.Join(c.texts(), "\n")
		plain := d.subprotocols == ""
		for _, part := range []string{
			`"remoteClientId":"` + named.Client + `","state":"live","user":"ada \"the first\""}`, `"remoteClientId":"` + unnamed.Client + `","state":"live"}`,
			`{"info":"remoteClientJustConnected","remoteClientId":"` + late + `","user":"eve"}`,
		} {
			if strings.Contains(all, part) == plain {
				t.Errorf("plain %v: %s\nin %s", plain, part, all)
			}
		}
		if plain && strings.Contains(all, "user") {
			t.Errorf("a plain client is told: %s", all)
		}
		if a := b.calls("attach")[0].attach; a.User != "me" {
			t.Errorf("attached as %q", a.User)
		}
	})
}

// TestMessagesOfTheOperator come from "server", whichever clients are in the room.
func TestMessagesOfTheOperator(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		d := wallet(newRoom()).rejoin()
		c, me, _ := liveWith(t, hub, b, d)
		ring(hub, d.room, me, entry(0, wire.KindOther, streams.Server))
		if m := c.next(); m.RemoteClientID != "server" || m.short() != "data m0" || m.ID == "" {
			t.Errorf("got %+v", m)
		}
	})
}
