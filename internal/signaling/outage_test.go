package signaling_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// Redis hangs; a client is told to try again; Redis comes back and does what it was asked all the same.
func TestAnAttachThatRedisDidTooLateLeavesNoGhost(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t)
	// Only clients that are meant to wait in vain have a short time-out; the others wait as long as a busy machine takes.
	p, hasty := newPlace(t, streams.Options{URL: server.URL()}), newPlace(t, streams.Options{URL: server.URL(), CallTimeout: 200 * time.Millisecond})
	d := wallet(newRoom())
	ext := extension(d.room).dial(t, p.Hub)
	ext.ready()
	server.Pause()
	plain, asked := d.dial(t, hasty.Hub), d.rejoin().dial(t, hasty.Hub)
	for _, c := range []*client{plain, asked} {
		c.wantClosed(wire.CloseInternal, wire.ReasonNotRegistered)
		c.lose()
	}
	server.Resume()
	// A client announced by that is gone at once, not when a window ends.
	known := map[string]bool{}
	end := time.Now().Add(2 * patience)
	for i := 0; ; i++ {
		id := fmt.Sprint("ping", i)
		ext.send(id, "offer", newID())
		m := ext.next()
		for ; m.RequestID != id; m = ext.next() {
			known[m.RemoteClientID] = m.Info == "remoteClientJustConnected"
		}
		ghosts := 0
		for _, there := range known {
			if there {
				ghosts++
			}
		}
		late := extension(d.room).rejoin().dial(t, p.Hub)
		m = late.next()
		late.leave(wire.CloseNormal)
		if m.Info == "session" && len(m.Peers) == 0 && ghosts == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d ghosts, peers %+v", ghosts, m.Peers)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// REQUIREMENTS 15: Redis comes back empty. No client is told of a peer that is gone, and all works again.
func TestRedisLosesItsData(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t)
	opt := streams.Options{URL: server.URL(), Lease: 2 * time.Second}
	x, y := newPlace(t, opt), newPlace(t, opt)
	d := wallet(newRoom()).rejoin()
	ext, wal, extID, walID := meet(t, x, y, extension(d.room).rejoin(), d)
	token := parse(t, wal.texts()[0]).ResumeToken
	server.Kill()
	server.Start()
	exchange := func(c *client, target, method string, other *client) {
		t.Helper()
		for i := 0; ; i++ {
			id := method // the same again: rule R6.3
			c.send(id, method, target)
			if answerOf(t, c, id) == confirmed(id) {
				if got := answerOf(t, other, id); got != "data "+id {
					t.Fatalf("got %q, want the data", got)
				}
				return
			}
			if i == 500 {
				t.Fatal("Redis is back, and nothing works")
			}
			<-time.After(20 * time.Millisecond)
		}
	}
	exchange(ext, walID, "offer", wal)
	exchange(wal, extID, "answer", ext)
	// The token is as good as before.
	wal.lose()
	ext.until(func() bool {
		return strings.HasPrefix(ext.frames[len(ext.frames)-1].text, `{"info":"remoteClientSuspended"`)
	})
	ext.unread()
	requests(ext, walID, 1)
	back := d.resume(token, "").dial(t, x.Hub)
	if m := back.welcome(); !m.Resumed || m.ClientID != walID {
		t.Errorf("came back to %+v", m)
	}
}

// answerOf returns the next message about a request. Clients are told that Redis was replaced (rule R9.1), and until all instances are back a
// peer may look suspended for a moment; it is never gone.
func answerOf(t *testing.T, c *client, requestID string) string {
	t.Helper()
	for {
		m := c.next()
		switch m.Info {
		case "storeReplaced", "remoteClientSuspended", "remoteClientResumed":
		case "remoteClientDisconnected", "remoteClientJustConnected":
			t.Fatalf("got %+v, though no peer came or left", m)
		default:
			return m.short()
		}
	}
}
