package signaling_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// meet connects an extension at x and a wallet at y; they know each other's IDs.
func meet(t *testing.T, x, y *place, e, w dialer) (ext, wal *client, extID, walID string) {
	t.Helper()
	ext = e.dial(t, x.Hub)
	if e.subprotocols != "" {
		extID = ext.welcome().ClientID
	} else {
		ext.ready()
	}
	wal = w.dial(t, y.Hub)
	if w.subprotocols != "" {
		m := wal.welcome()
		walID = m.ClientID
		if len(m.Peers) == 1 {
			extID = m.Peers[0].RemoteClientID
		}
	} else {
		extID = wal.next().RemoteClientID
	}
	m := ext.next()
	if m.Info != "remoteClientJustConnected" || walID != "" && m.RemoteClientID != walID {
		t.Fatalf("got %+v, want the wallet announced", m)
	}
	return ext, wal, extID, m.RemoteClientID
}

// requests sends n candidates to a peer, each after the confirmation of the one before.
// ready waits until a plain client is attached: its first message is answered then.
func (c *client) ready() {
	c.tb.Helper()
	c.send("ready?", "offer", newID())
	c.expect(missing("ready?"))
}

func requests(c *client, target string, n int) (want []string) {
	for i := range n {
		id := fmt.Sprintf("c%d", i)
		c.send(id, "iceCandidate", target)
		c.expect(confirmed(id))
		want = append(want, "data "+id)
	}
	return want
}

func TestAClientComesBackToAnotherInstance(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		room := newRoom()
		ext := extension(room).rejoin().dial(t, x.Hub)
		extID := ext.welcome().ClientID
		wal := wallet(room).rejoin().dial(t, y.Hub)
		hello := wal.welcome()
		ext.expect(just(hello.ClientID))
		ext.send("o", "offer", hello.ClientID)
		ext.expect(confirmed("o"))
		m := wal.next()
		if m.short() != "data o" {
			t.Fatalf("got %+v", m)
		}
		after := m.ID
		wal.lose()
		ext.expect(suspended(hello.ClientID))
		want := requests(ext, hello.ClientID, 5)

		back := wallet(room).resume(hello.ResumeToken, after).dial(t, x.Hub)
		again := back.welcome()
		if !again.Resumed || again.ClientID != hello.ClientID || again.Replay != 5 || again.Superseded != 0 ||
			len(again.Peers) != 1 || again.Peers[0].RemoteClientID != extID || again.Peers[0].State != "live" {
			t.Fatalf("came back to %+v", again)
		}
		back.expect(want...)
		ext.expect(resumed(hello.ClientID))
		// And on: in both directions, with IDs that rise.
		ext.send("last", "iceCandidate", hello.ClientID)
		back.expect("data last")
		back.send("a", "answer", extID)
		back.expect(confirmed("a"))
		ext.expect(confirmed("last"), "data a")
		rising(t, back)
	})
}

// rising checks that entry IDs are all there and rise.
func rising(t *testing.T, c *client) {
	t.Helper()
	var last wire.EntryID
	for _, text := range c.texts() {
		m := parse(t, text)
		if m.Info != "remoteData" {
			continue
		}
		id, ok := wire.ParseEntryID([]byte(m.ID))
		if !ok || last != (wire.EntryID{}) && (id.Epoch != last.Epoch || id.Seq != last.Seq+1) {
			t.Errorf("entry %q behind %v", m.ID, last)
		}
		last = id
	}
}

// What was acknowledged is gone, what was only received comes again; without a cursor the acknowledged position counts.
func TestWithoutACursorWhatWasAcknowledgedCounts(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		d := wallet(newRoom()).rejoin()
		ext, wal, _, walID := meet(t, x, y, extension(d.room).rejoin(), d)
		requests(ext, walID, 4)
		token := parse(t, wal.texts()[0]).ResumeToken
		wal.expect("data c0", "data c1")
		second := wal.texts()[2]
		wal.expect("data c2", "data c3")
		wal.ack(parse(t, second).ID)
		wal.lose()
		ext.expect(suspended(walID)) // with the position
		back := d.resume(token, "").dial(t, x.Hub)
		if m := back.welcome(); !m.Resumed || m.Replay != 2 {
			t.Fatalf("came back to %+v", m)
		}
		back.expect("data c2", "data c3")
	})
}

func TestAPlainWalletComesBack(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		d := wallet(newRoom())
		ext, wal, extID, walID := meet(t, x, y, extension(d.room), d)
		wal.lose()
		want := requests(ext, walID, 5)
		back := d.dial(t, x.Hub)
		back.expect(append([]string{already(extID)}, want...)...)
		ext.send("on", "answer", walID)
		back.expect("data on")
		back.send("re", "answer", extID)
		back.expect(confirmed("re"))
		ext.expect(confirmed("on"), "data re") // and nothing of the absence
	})
}

// PROTOCOL.md part 3: a JS extension restarts from scratch and is not replayed to.
func TestAPlainExtensionStartsAnew(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		e := extension(newRoom())
		ext, wal, extID, walID := meet(t, x, y, e, wallet(e.room))
		ext.lose()
		wal.expect(gone(extID))
		wal.send("r", "answer", extID)
		wal.expect(missing("r"))
		back := e.dial(t, y.Hub)
		back.expect(already(walID))
		if m := wal.next(); m.Info != "remoteClientJustConnected" || m.RemoteClientID == extID {
			t.Errorf("got %+v, want a new client", m)
		}
	})
}

func TestPeersThatJoinedMeanwhileHearOfAPlainWalletThatIsBack(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		d := wallet(newRoom())
		ext, wal, extID, walID := meet(t, x, y, extension(d.room), d)
		wal.lose()
		requests(ext, walID, 1) // it is suspended or not: confirmed either way
		other := extension(d.room).rejoin().dial(t, y.Hub)
		// The doorbell of the loss may come after; then the newcomer sees it live at first.
		for m := other.welcome(); len(m.Peers) > 0; m = other.welcome() {
			other.lose()
			other = extension(d.room).rejoin().dial(t, y.Hub)
		}
		back := d.dial(t, y.Hub)
		if got := []string{back.next().short(), back.next().short()}; got[0] != already(extID) || !strings.HasPrefix(got[1], "remoteClientIsAlready") {
			t.Fatalf("got %q, want both announced first", got)
		}
		back.expect("data c0")
		other.expect(just(walID))
	})
}

func TestALiveConnectionIsNotTakenOver(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		d := wallet(newRoom())
		ext, wal, extID, walID := meet(t, x, y, extension(d.room), d)
		second := d.dial(t, x.Hub) // the first one answers the probe
		second.expect(already(extID))
		m := ext.next()
		if m.Info != "remoteClientJustConnected" || m.RemoteClientID == walID {
			t.Fatalf("got %+v, want another client", m)
		}
		ext.send("1", "offer", walID)
		wal.expect("data 1")
		ext.send("2", "offer", m.RemoteClientID)
		second.expect("data 2")
		if wal.closing() != nil {
			t.Errorf("connection: %v", wal.closing())
		}
	})
}

func TestADeafConnectionIsTakenOver(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		d := wallet(newRoom())
		ext, wal, extID, walID := meet(t, x, y, extension(d.room), d.pongless())
		want := requests(ext, walID, 3) // written to a dead socket
		start := time.Now()
		back := d.dial(t, x.Hub)
		back.expect(append([]string{already(extID)}, want...)...)
		if took := time.Since(start); took < streams.ProbeTimeout {
			t.Errorf("taken over after %v, it had %v to answer", took, streams.ProbeTimeout)
		}
		wal.wantClosed(wire.CloseResumedElsewhere, wire.ReasonResumedElsewhere)
		ext.send("on", "offer", walID)
		ext.expect(confirmed("on"))
		back.expect("data on")
	})
}
