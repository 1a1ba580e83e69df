package signaling_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/peerjs"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// peer is a PeerJS client.
type peer struct {
	*client
	id string
}

// freshID is an id that no other test has.
func freshID(name string) string { return name + "-" + newID() }

// dialPeer connects a PeerJS client.
func dialPeer(tb testing.TB, hub *signaling.Hub, id, token string, deaf bool) peer {
	tb.Helper()
	room := peerjs.RoomOf("", id) // testConfig has no key
	c := &client{tb: tb, deaf: deaf, changed: make(chan struct{}), pongs: make(chan []byte, 1<<12), done: make(chan struct{})}
	c.session = hub.Open(c, wire.Connect{Room: room, Source: wire.Equal, Peer: id}, wire.Offer{Dialect: wire.PeerJS, Resume: true, Token: token})
	go func() {
		defer close(c.done)
		for data := range c.pongs {
			c.session.Pong(data)
		}
	}()
	tb.Cleanup(c.lose)
	return peer{c, id}
}

// openPeer is dialPeer for one that gets its id.
func openPeer(tb testing.TB, hub *signaling.Hub, id, token string) peer {
	tb.Helper()
	p := dialPeer(tb, hub, id, token, false)
	p.hears(peerjs.Open)
	return p
}

// hears waits for these frames in this order.
func (p peer) hears(want ...string) {
	p.tb.Helper()
	for i, w := range want {
		if !p.until(func() bool { return len(p.frames) > p.read }) {
			p.tb.Fatalf("frame %d: nothing, want %s (all: %q; connection: %v)", i, w, p.texts(), p.closing())
		}
		p.mu.Lock()
		got := p.frames[p.read].text
		p.read++
		p.mu.Unlock()
		if got != w {
			p.tb.Fatalf("frame %d: got %s, want %s (all: %q)", i, got, w, p.texts())
		}
	}
}

func (p peer) says(kind, to string, n int) {
	p.text(fmt.Sprintf(`{"type":%q,"payload":{"connectionId":"dc_%d"},"dst":%q}`, kind, n, to))
}

// said is what says becomes.
func said(kind, from, to string, n int) string {
	return fmt.Sprintf(`{"type":%q,"src":%q,"dst":%q,"payload":{"connectionId":"dc_%d"}}`, kind, from, to, n)
}

func expires(id, sender string) string {
	return fmt.Sprintf(`{"type":"EXPIRE","src":%q,"dst":%q}`, id, sender)
}

// proven waits until all that the client was sent is known to have arrived.
func (p peer) proven() {
	p.tb.Helper()
	p.mu.Lock()
	n := len(p.frames) - 1 // but for OPEN
	p.mu.Unlock()
	last := fmt.Sprintf("-%d", n-1)
	p.until(func() bool {
		return slices.ContainsFunc(p.pings, func(ping string) bool { return strings.HasSuffix(ping, last) })
	})
}

func TestPeersReachEachOther(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		a, b := openPeer(t, x.Hub, freshID("a"), "ta"), openPeer(t, y.Hub, freshID("b"), "tb")
		a.text(`{"type":"HEARTBEAT"}`)
		a.text(`nonsense`)
		a.says("OFFER", b.id, 1)
		for n := range 20 {
			a.says("CANDIDATE", b.id, n)
		}
		b.hears(said("OFFER", a.id, b.id, 1))
		for n := range 20 {
			b.hears(said("CANDIDATE", a.id, b.id, n))
		}
		b.says("ANSWER", a.id, 1)
		b.says("LEAVE", a.id, 1)
		a.hears(said("ANSWER", b.id, a.id, 1), said("LEAVE", b.id, a.id, 1))
		a.says("OFFER", a.id, 2)
		a.hears(said("OFFER", a.id, a.id, 2))
	})
}

// A phone loses its network: the other side is not told, and its messages are there when the phone is back.
func TestAPeerComesBackToWhatItMissed(t *testing.T) {
	everywhere(t, streams.Options{Grace: time.Minute}, func(t *testing.T, x, y *place) {
		a, b := openPeer(t, x.Hub, freshID("a"), "ta"), openPeer(t, x.Hub, freshID("b"), "tb")
		b.says("OFFER", a.id, 0)
		a.hears(said("OFFER", b.id, a.id, 0))
		a.proven()
		a.lose()
		x.settled(peerjs.RoomOf("", a.id)) // or y may be faster: Redis does not know yet what a has
		b.says("OFFER", a.id, 1)
		b.says("CANDIDATE", a.id, 1)
		b.says("CANDIDATE", a.id, 2)
		a = openPeer(t, y.Hub, a.id, "ta")
		a.hears(said("OFFER", b.id, a.id, 1), said("CANDIDATE", b.id, a.id, 1), said("CANDIDATE", b.id, a.id, 2))
		a.says("ANSWER", b.id, 1)
		b.hears(said("ANSWER", a.id, b.id, 1))
		if got := len(b.texts()); got != 2 {
			t.Fatalf("the other side heard %q", b.texts())
		}
	})
}

// PeerServer sends no OPEN to a client whose old socket it has not missed yet (peerjs issue 1289).
func TestAPeerComesBackBeforeItIsMissed(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		dead := dialPeer(t, x.Hub, freshID("a"), "ta", true)
		dead.hears(peerjs.Open)
		b := openPeer(t, y.Hub, freshID("b"), "tb")
		b.says("OFFER", dead.id, 1) // to a socket that nothing reads
		dead.hears(said("OFFER", b.id, dead.id, 1))
		a := openPeer(t, y.Hub, dead.id, "ta")
		a.hears(said("OFFER", b.id, a.id, 1))
		dead.wantClosed(wire.CloseResumedElsewhere, wire.ReasonResumedElsewhere)
	})
}

func TestAnIDIsTakenWhileItsClientLives(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		a := openPeer(t, x.Hub, freshID("a"), "t1")
		other := dialPeer(t, y.Hub, a.id, "t2", false)
		other.hears(peerjs.IDTaken)
		other.wantClosed(wire.CloseNoStatus, "")
		if a.closing() != nil {
			t.Fatalf("its holder is closed: %v", a.closing())
		}
		a.leave(wire.CloseGoingAway) // as a page does that is closed
		openPeer(t, y.Hub, a.id, "t2")
	})
}

// No ghost: a holder that does not answer, or is suspended, does not keep another client from its id.
func TestAnIDOfADeadClientIsFree(t *testing.T) {
	everywhere(t, streams.Options{Grace: time.Minute}, func(t *testing.T, x, y *place) {
		dead := dialPeer(t, x.Hub, freshID("a"), "t1", true)
		dead.hears(peerjs.Open)
		b := openPeer(t, y.Hub, freshID("b"), "tb")
		b.says("OFFER", dead.id, 1)
		dead.hears(said("OFFER", b.id, dead.id, 1))
		second := openPeer(t, y.Hub, dead.id, "t2") // a second later
		dead.wantClosed(wire.CloseResumedElsewhere, wire.ReasonResumedElsewhere)
		b.hears(expires(dead.id, b.id)) // the offer was for the first
		second.lose()
		openPeer(t, x.Hub, dead.id, "t3")
	})
}

func TestAnAbsentPeerExpires(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		a, b, absent, late := openPeer(t, x.Hub, freshID("a"), "ta"), openPeer(t, y.Hub, freshID("b"), "tb"), freshID("absent"), freshID("late")
		began := time.Now()
		a.says("OFFER", absent, 1)
		a.says("CANDIDATE", absent, 1)
		b.says("OFFER", absent, 1)
		a.says("LEAVE", freshID("absent"), 1) // is not kept
		a.says("OFFER", late, 1)
		a.says("CANDIDATE", late, 1)
		l := openPeer(t, y.Hub, late, "tl")
		l.hears(said("OFFER", a.id, late, 1), said("CANDIDATE", a.id, late, 1))
		a.hears(expires(absent, a.id))
		if took := time.Since(began); took < 5*time.Second {
			t.Errorf("after %v", took)
		}
		b.hears(expires(absent, b.id))
		a.says("OFFER", a.id, 2)
		a.hears(said("OFFER", a.id, a.id, 2)) // and nothing else
	})
}

// If a client does not come back, senders are told about its waiting messages when its window ends.
func TestAPeerThatStaysAwayExpires(t *testing.T) {
	everywhere(t, streams.Options{Grace: 300 * time.Millisecond}, func(t *testing.T, x, y *place) {
		a, b := openPeer(t, x.Hub, freshID("a"), "ta"), openPeer(t, y.Hub, freshID("b"), "tb")
		a.lose()
		b.says("OFFER", a.id, 1)
		b.hears(expires(a.id, b.id))
	})
}

func TestAGoodbyeInAMessage(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		a := openPeer(t, x.Hub, freshID("a"), "t1")
		a.text(`{"type":"LEAVE"}`)
		a.wantClosed(wire.CloseNoStatus, "")
		openPeer(t, y.Hub, a.id, "t2")
	})
}

func TestADrainedPeerComesBackElsewhere(t *testing.T) {
	opt := streams.Options{Grace: time.Minute, URL: sharedRedis(t)}
	x, y := newPlace(t, opt), newPlace(t, opt)
	a, b := openPeer(t, x.Hub, freshID("a"), "ta"), openPeer(t, y.Hub, freshID("b"), "tb")
	x.Drain(t.Context(), 50*time.Millisecond)
	a.wantClosed(wire.CloseServiceRestart, wire.ReasonGoingAway)
	b.says("OFFER", a.id, 1)
	a = openPeer(t, y.Hub, a.id, "ta")
	a.hears(said("OFFER", b.id, a.id, 1))
}

// A message that Redis does not accept is reported as an unreachable id, which is all that a page understands: once for all pending
// messages.
func TestAPostThatFailsExpires(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		p := dialPeer(t, hub, "a", "t", false)
		p.hears(peerjs.Open)
		b.mu.Lock()
		b.post = func(p streams.Post) (streams.Posted, error) {
			if strings.Contains(string(p.Data), "dc_2") {
				return streams.Posted{}, streams.ErrUnavailable
			}
			if p.Before != 0 {
				return streams.Posted{Outcome: streams.OutOfOrder}, nil
			}
			return streams.Posted{Outcome: streams.Stored}, nil
		}
		b.mu.Unlock()
		p.says("OFFER", "b", 1)
		p.says("CANDIDATE", "b", 2)
		p.says("CANDIDATE", "b", 3)
		p.says("LEAVE", "c", 2)
		p.hears(expires("b", "a"))
		if got := len(b.calls("post")); got < 5 { // the third was put again, behind nothing
			t.Errorf("%d posts", got)
		}
		p.says("OFFER", "a", 1)
		if got := p.texts(); len(got) != 2 {
			t.Errorf("heard %q", got)
		}
	})
}

// Sending to ids without a client needs no second connection, so one client's waiting messages for them are bounded.
func TestWhatWaitsForAbsentIDsIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		p := dialPeer(t, hub, "a", "t", false)
		p.hears(peerjs.Open)
		b.mu.Lock()
		b.post = func(p streams.Post) (streams.Posted, error) {
			if p.Box == 0 {
				return streams.Posted{Outcome: streams.Missing}, nil
			}
			return streams.Posted{Outcome: streams.Stored, Waits: true, Boxed: true, Left: p.Box}, nil
		}
		b.mu.Unlock()
		payload := strings.Repeat("x", 200<<10)
		for n := range 6 {
			p.text(fmt.Sprintf(`{"type":"OFFER","payload":%q,"dst":"b%d"}`, payload, n))
		}
		p.hears(expires("b5", "a"))
	})
}

// A killed instance would have its clients given again what Redis does not know to have arrived, and a repeated offer ends its connection. So
// that one has arrived is passed on at once.
func TestTheProofOfAnOfferIsPassedOnAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		p := dialPeer(t, hub, "a", "t", false)
		p.hears(peerjs.Open)
		room := peerjs.RoomOf("", "a")
		me := peerjs.ClientOf(room).String()
		for n := range uint64(4) {
			kind := wire.KindDescription
			if n == 2 {
				kind = candidate
			}
			ring(hub, room, me, entry(n, kind, streams.Server))
			pass(150 * time.Millisecond)
		}
		var acks []streams.EntryID
		for _, c := range b.calls("ack") {
			acks = append(acks, c.id)
		}
		if want := []streams.EntryID{seq(0), seq(1), seq(3)}; !slices.Equal(acks, want) {
			t.Errorf("positions %v, want %v", acks, want)
		}
	})
}

// The list costs Redis a long answer and its reader nothing, so Redis makes only one at a time.
func TestTheListOfIDsIsReadOnceAtATime(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		b.shut()
		answers := make(chan []string, 100)
		for range 100 {
			hub.Peers(func(ids []string, _ error) { answers <- ids })
		}
		pass(0)
		if n := len(b.calls("peers")); n != 1 {
			t.Errorf("%d calls at a time", n)
		}
		b.open()
		for range 100 {
			if ids := <-answers; !slices.Equal(ids, []string{"ada"}) {
				t.Errorf("answered %q", ids)
			}
		}
		if n := len(b.calls("peers")); n != 2 {
			t.Errorf("%d calls", n)
		}
	})
}

// A message that could not be stored, and is known to be only when its sender's connection is gone: the sender is told wherever it is by then.
func TestAPeerIsToldOnItsNextConnection(t *testing.T) {
	bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
		p := openPeer(t, hub, freshID("a"), "t")
		b.script(func() {
			b.post = func(m streams.Post) (streams.Posted, error) {
				if strings.Contains(string(m.Data), "CANDIDATE") {
					return streams.Posted{}, streams.ErrUnavailable
				}
				return streams.Posted{Outcome: streams.Stored}, nil
			}
		})
		b.shut()
		p.says("CANDIDATE", "other", 1)
		p.lose()
		b.open()
		pass(0)
		posts := b.calls("post")
		if own := peerjs.ClientOf(peerjs.RoomOf("", p.id)).String(); len(posts) != 2 || posts[1].client != own {
			t.Fatalf("posted %+v, want an EXPIRE to %s behind the message", posts, own)
		}
	})
}
