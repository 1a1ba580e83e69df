package signaling_test

import (
	"testing"
	"time"
	"unsafe"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// sink is a Backbone that only answers messages, at once when told to. The test answers Attach.
type sink struct {
	attached func(streams.Attached, error)
	client   string
	sent     func(streams.Outcome, error)
	sends    int
	acks     int
}

func (b *sink) Ready() error         { return nil }
func (b *sink) Instance() string     { return "here" }
func (b *sink) Grace() time.Duration { return testGrace }
func (b *sink) Attach(a streams.Attach, done func(streams.Attached, error)) {
	b.attached, b.client = done, a.NewClient
}

func (b *sink) Send(_ streams.Message, done func(streams.Outcome, error)) {
	b.sent = done
	b.sends++
}

func (b *sink) Ack(streams.SessionRef, streams.Position, func(streams.Holding, error))      { b.acks++ }
func (b *sink) Post(streams.Post, func(streams.Posted, error))                              {}
func (b *sink) ListPeers(string, []streams.ListedPeer, time.Duration)                       {}
func (b *sink) Peers(string, func([]string, error))                                         {}
func (b *sink) Restore(streams.Attach, func(streams.Attached, error))                       {}
func (b *sink) Detach(streams.SessionRef, streams.Disconnect, func(streams.Holding, error)) {}
func (b *sink) Leave(streams.SessionRef, streams.Disconnect, func(bool, error))             {}
func (b *sink) Count(_, _ string, _ streams.Tally)                                          {}
func (b *sink) Expire(_, _ string, _ func(time.Duration, error))                            {}
func (b *sink) Told(_, _ string, _ []streams.Undelivered, _ func(error))                    {}
func (b *sink) Overdue(_, _ string, _ func(time.Duration, error))                           {}
func (b *sink) Sync(streams.SessionRef, streams.Reading, func(streams.Synced, error))       {}
func (b *sink) Alive(streams.Probe)                                                         {}
func (b *sink) CheckPrimaries(func())                                                       {}
func (b *sink) Serves(string) error                                                         { return nil }

func (b *sink) CallTimeout() time.Duration                           { return testTimeout }
func (b *sink) Claims(string, func([]streams.SessionRef, error))     {}
func (b *sink) Undo(streams.SessionRef, string, func(string, error)) {}

// drop is a Conn that counts.
type drop struct{ delivered, sent, pings, bytes int }

func (c *drop) Deliver(p, _ []byte) bool {
	c.delivered++
	c.bytes += len(p)
	return true
}

func (c *drop) Send(p []byte) {
	c.sent++
	c.bytes += len(p)
}
func (c *drop) Ping([]byte)                     { c.pings++ }
func (c *drop) Close(wire.CloseCode, string)    {}
func (c *drop) SendAway(wire.CloseCode, string) {}

// bench is one live session with one peer, without a real backbone or socket.
type bench struct {
	hub     *signaling.Hub
	sink    *sink
	conn    *drop
	session *signaling.Attachment
	room    wire.RoomID
	peer    string
	text    []byte
	bell    streams.Bell
}

func newBench(d dialer) *bench {
	x := &bench{sink: &sink{}, conn: &drop{}, room: d.room, peer: newID()}
	x.hub = signaling.NewHub(testConfig(), x.sink)
	x.session = x.hub.Open(x.conn, wire.Connect{Room: d.room, Source: d.role}, wire.ParseSubprotocols(d.subprotocols))
	x.sink.attached(streams.Attached{
		Verdict: streams.Fresh, Client: x.sink.client, Epoch: testEpoch, Version: 1, Peers: []streams.Peer{peerOf(x.peer)},
	}, nil)
	x.text = []byte(body("a-request-id-of-usual-length", "iceCandidate", x.peer, string(make1KB())))
	e := streams.AppendBody(nil, byte(candidate), []byte(x.peer), []byte(`"a-request-id-of-usual-length"`), x.text)
	x.bell = streams.Bell{
		Kind: streams.BellData, Room: d.room.String(), Client: x.sink.client, ID: streams.EntryID{Epoch: testEpoch}, Body: streams.Body(e),
	}
	return x
}

func make1KB() []byte {
	b := make([]byte, 1000)
	for i := range b {
		b[i] = 'a' + byte(i%26)
	}
	return b
}

// in is a message from the client, stored and confirmed.
func (x *bench) in() {
	x.session.Message(x.text)
	x.sink.sent(streams.Stored, nil)
}

// out is a doorbell that becomes a frame.
func (x *bench) out() {
	x.hub.Bell(&x.bell)
	x.bell.ID.Seq++
}

// proofs are the pongs of a plain wallet: without them its pings stop.
func (x *bench) outAndPong() {
	var data [64]byte
	id := x.bell.ID
	x.out()
	x.session.Pong(id.AppendText(append(data[:0], 'a')))
}

func each(b *testing.B, f func(b *testing.B, d dialer)) {
	for name, d := range map[string]dialer{
		"plain": extension(newRoom()), "proving": wallet(newRoom()), "rejoin.v1": wallet(newRoom()).rejoin(),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			f(b, d)
		})
	}
}

// A message of 1 KB from the client to Send, and the confirmation back.
func BenchmarkMessage(b *testing.B) {
	each(b, func(b *testing.B, d dialer) {
		x := newBench(d)
		b.SetBytes(int64(len(x.text)))
		for b.Loop() {
			x.in()
		}
		if x.conn.sent < x.sink.sends {
			b.Fatal("not confirmed")
		}
	})
}

// A doorbell with 1 KB to the frame for the client.
func BenchmarkDoorbell(b *testing.B) {
	each(b, func(b *testing.B, d dialer) {
		x := newBench(d)
		b.SetBytes(int64(len(x.bell.Body)))
		n := 0
		for b.Loop() {
			x.outAndPong()
			n++
		}
		if x.conn.delivered != n {
			b.Fatalf("%d frames for %d doorbells", x.conn.delivered, n)
		}
	})
}

// A doorbell for another client in a room of many.
func BenchmarkDoorbellInACrowd(b *testing.B) {
	room := newRoom()
	x := newBench(wallet(room))
	for range 63 {
		x.hub.Open(x.conn, wire.Connect{Room: room, Source: wire.Extension}, wire.Offer{Dialect: wire.Plain})
		x.sink.attached(streams.Attached{Verdict: streams.Fresh, Client: x.sink.client, Epoch: testEpoch, Version: 1}, nil)
	}
	b.ReportAllocs()
	for b.Loop() {
		x.out()
	}
}

func BenchmarkAck(b *testing.B) {
	x := newBench(wallet(newRoom()).rejoin())
	x.out()
	text := []byte(`{"method":"ack","id":"7-0"}`)
	b.ReportAllocs()
	for b.Loop() {
		x.session.Message(text)
	}
}

// The way of a message allocates nothing here; the race detector's own allocations are why this is no
// statement under -race.
func TestTheWayOfAMessageAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties pools at random")
	}
	for name, d := range map[string]dialer{
		"plain": extension(newRoom()), "proving": wallet(newRoom()), "rejoin.v1": wallet(newRoom()).rejoin(),
	} {
		x := newBench(d)
		x.in()
		x.outAndPong()
		if n := testing.AllocsPerRun(200, x.in); n >= 1 {
			t.Errorf("%s: %v allocations for a message in", name, n)
		}
		if n := testing.AllocsPerRun(200, x.outAndPong); n >= 1 {
			t.Errorf("%s: %v allocations for a message out", name, n)
		}
	}
}

// There is one for every idle client. 192 is a size class of Go's allocator, so is 208: a byte more costs 16.
func TestAnIdleSessionIsSmall(t *testing.T) {
	t.Parallel()
	if n := unsafe.Sizeof(signaling.Attachment{}); n > 192 {
		t.Errorf("a session has %d bytes", n)
	}
}
