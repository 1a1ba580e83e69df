package signaling_test

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// scripted is a Backbone whose answers the test decides: for timing, and for faults that Redis cannot be made
// to show. It answers in the order of the calls, on a goroutine of its own. A function that is nil gives a friendly answer.
type scripted struct {
	tb   testing.TB
	jobs chan func()
	gate chan struct{} // unless nil, answers wait until it is closed

	mu      sync.Mutex
	log     []call
	attach  func(streams.Attach) (streams.Attached, error)
	restore func(streams.Attach) (streams.Attached, error)
	send    func(streams.Message) (streams.Outcome, error)
	post    func(streams.Post) (streams.Posted, error)
	detach  func(streams.SessionRef) (streams.Holding, error)
	ack     func(streams.SessionRef, streams.EntryID) (streams.Holding, error)
	leave   func(streams.SessionRef) (bool, error)
	undo    func(session string) (string, error)
	claims  func(room string) ([]streams.SessionRef, error)
	expire  func(client string) (time.Duration, error)
	sync    func(streams.SessionRef, streams.EntryID) (streams.Synced, error)
	check   func() // what a look at the primaries finds
}

type call struct {
	name, client string
	id           streams.EntryID
	patience     time.Duration
	at           time.Time
	attach       streams.Attach
}

const (
	testEpoch   = 7
	testGrace   = time.Minute
	testTimeout = 5 * time.Second
)

func newScripted(tb testing.TB) *scripted {
	b := &scripted{tb: tb, jobs: make(chan func(), 1<<14)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for job := range b.jobs {
			b.mu.Lock()
			gate := b.gate
			b.mu.Unlock()
			if gate != nil {
				<-gate
			}
			job()
		}
	}()
	tb.Cleanup(func() {
		b.open()
		close(b.jobs)
		<-done
	})
	return b
}

// shut makes answers wait until open.
func (b *scripted) shut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gate = make(chan struct{})
}

func (b *scripted) open() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gate != nil {
		close(b.gate)
		b.gate = nil
	}
}

// script changes the answers.
func (b *scripted) script(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *scripted) note(c call) {
	c.at = time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = append(b.log, c)
}

// calls returns the calls with that name so far; all of them without a name.
func (b *scripted) calls(name string) []call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.log), func(c call) bool { return name != "" && c.name != name })
}

// answer queues one answer; the function that makes it is looked up when its turn comes.
func answer[R any](b *scripted, pick func() func() (R, error), friendly R, done func(R, error)) {
	b.jobs <- func() {
		b.mu.Lock()
		f := pick()
		b.mu.Unlock()
		if f == nil {
			done(friendly, nil)
			return
		}
		done(f())
	}
}

func (b *scripted) Ready() error         { return nil }
func (b *scripted) Instance() string     { return "here" }
func (b *scripted) Grace() time.Duration { return testGrace }
func (b *scripted) Serves(string) error  { return nil }

func (b *scripted) CallTimeout() time.Duration { return testTimeout }

func (b *scripted) Attach(a streams.Attach, done func(streams.Attached, error)) {
	b.note(call{name: "attach", client: a.NewClient, attach: a})
	answer(b, func() func() (streams.Attached, error) {
		if f := b.attach; f != nil {
			return func() (streams.Attached, error) { return f(a) }
		}
		return nil
	}, fresh(a), done)
}

func (b *scripted) Restore(a streams.Attach, done func(streams.Attached, error)) {
	b.note(call{name: "restore", client: a.NewClient, attach: a})
	answer(b, func() func() (streams.Attached, error) {
		if f := b.restore; f != nil {
			return func() (streams.Attached, error) { return f(a) }
		}
		return nil
	}, streams.Attached{Verdict: streams.Resumed, Client: a.Resume, Epoch: testEpoch + 1, Version: 1}, done)
}

func (b *scripted) Send(m streams.Message, done func(streams.Outcome, error)) {
	b.note(call{name: "send", client: string(m.From)})
	answer(b, func() func() (streams.Outcome, error) {
		if f := b.send; f != nil {
			return func() (streams.Outcome, error) { return f(m) }
		}
		return nil
	}, streams.Stored, done)
}

func (b *scripted) ListPeers(string, []streams.ListedPeer, time.Duration) {}

func (b *scripted) Peers(_ string, done func([]string, error)) {
	b.note(call{name: "peers"})
	answer(b, func() func() ([]string, error) { return nil }, []string{"ada"}, done)
}

func (b *scripted) Post(p streams.Post, done func(streams.Posted, error)) {
	b.note(call{name: "post", client: p.Client})
	answer(b, func() func() (streams.Posted, error) {
		if f := b.post; f != nil {
			return func() (streams.Posted, error) { return f(p) }
		}
		return nil
	}, streams.Posted{Outcome: streams.Stored}, done)
}

func (b *scripted) Detach(ref streams.SessionRef, p streams.Disconnect, done func(streams.Holding, error)) {
	b.note(call{name: "detach", client: ref.Client, id: p.Acked})
	answer(b, func() func() (streams.Holding, error) {
		if f := b.detach; f != nil {
			return func() (streams.Holding, error) { return f(ref) }
		}
		return nil
	}, streams.HoldingOurs, done)
}

func (b *scripted) Ack(ref streams.SessionRef, p streams.Position, done func(streams.Holding, error)) {
	id := p.UpTo
	b.note(call{name: "ack", client: ref.Client, id: id, patience: p.Patience})
	answer(b, func() func() (streams.Holding, error) {
		if f := b.ack; f != nil {
			return func() (streams.Holding, error) { return f(ref, id) }
		}
		return nil
	}, streams.HoldingOurs, done)
}

func (b *scripted) Leave(ref streams.SessionRef, p streams.Disconnect, done func(bool, error)) {
	b.note(call{name: "leave", client: ref.Client, id: p.Acked})
	answer(b, func() func() (bool, error) {
		if f := b.leave; f != nil {
			return func() (bool, error) { return f(ref) }
		}
		return nil
	}, true, done)
}

func (b *scripted) Undo(ref streams.SessionRef, _ string, done func(string, error)) {
	b.note(call{name: "undo", client: ref.Client})
	answer(b, func() func() (string, error) {
		if f := b.undo; f != nil {
			return func() (string, error) { return f(ref.Session) }
		}
		return nil
	}, "", done)
}

func (b *scripted) Claims(room string, done func([]streams.SessionRef, error)) {
	b.note(call{name: "claims"})
	answer(b, func() func() ([]streams.SessionRef, error) {
		if f := b.claims; f != nil {
			return func() ([]streams.SessionRef, error) { return f(room) }
		}
		return nil
	}, nil, done)
}

func (b *scripted) Count(_, client string, _ streams.Tally) {
	b.note(call{name: "count", client: client})
}

func (b *scripted) Expire(_, client string, done func(time.Duration, error)) {
	b.note(call{name: "expire", client: client})
	answer(b, func() func() (time.Duration, error) {
		if f := b.expire; f != nil {
			return func() (time.Duration, error) { return f(client) }
		}
		return nil
	}, 0, done)
}

func (b *scripted) Overdue(_, client string, done func(time.Duration, error)) {
	b.note(call{name: "overdue", client: client})
	answer(b, func() func() (time.Duration, error) { return nil }, 0, done)
}

func (b *scripted) Told(_, client string, _ []streams.Undelivered, done func(error)) {
	b.note(call{name: "told", client: client})
	b.jobs <- func() { done(nil) }
}

func (b *scripted) Sync(ref streams.SessionRef, r streams.Reading, done func(streams.Synced, error)) {
	after := r.After
	b.note(call{name: "sync", client: ref.Client, id: after})
	answer(b, func() func() (streams.Synced, error) {
		if f := b.sync; f != nil {
			return func() (streams.Synced, error) { return f(ref, after) }
		}
		return nil
	}, streams.Synced{Last: after}, done)
}

func (b *scripted) Alive(p streams.Probe) {
	b.note(call{name: "alive " + p.ReplyTo + " " + p.Nonce, client: p.Client})
}

func (b *scripted) CheckPrimaries(done func()) {
	b.note(call{name: "check"})
	b.jobs <- func() {
		b.mu.Lock()
		f := b.check
		b.mu.Unlock()
		if f != nil {
			f()
		}
		done()
	}
}

// fresh is the friendly answer to Attach.
func fresh(a streams.Attach) streams.Attached {
	return streams.Attached{Verdict: streams.Fresh, Client: a.NewClient, Epoch: testEpoch, Version: 1}
}

// attachedAs answers Attach with a session that was waiting.
func attachedAs(client string, peers []streams.Peer, entries ...streams.Entry) func(streams.Attach) (streams.Attached, error) {
	return func(streams.Attach) (streams.Attached, error) {
		return streams.Attached{
			Verdict: streams.Resumed, Client: client, Epoch: testEpoch, Version: 1, Peers: peers, Replay: len(entries),
			Entries: entries, Last: lastOf(entries),
		}, nil
	}
}

// with gives a fresh session these peers.
func with(peers ...streams.Peer) func(streams.Attach) (streams.Attached, error) {
	return func(a streams.Attach) (streams.Attached, error) {
		r := fresh(a)
		r.Peers = peers
		return r, nil
	}
}

// mailbox answers Sync from a list that never changes.
func mailbox(peers []streams.Peer, entries ...streams.Entry) func(streams.SessionRef, streams.EntryID) (streams.Synced, error) {
	return func(_ streams.SessionRef, after streams.EntryID) (streams.Synced, error) {
		rest := slices.DeleteFunc(slices.Clone(entries), func(e streams.Entry) bool { return e.ID.Compare(after) <= 0 })
		return streams.Synced{Version: 1, Peers: peers, Entries: rest, Last: lastOf(entries)}, nil
	}
}

func lastOf(entries []streams.Entry) (id streams.EntryID) {
	if len(entries) > 0 {
		id = entries[len(entries)-1].ID
	}
	return id
}

// entry is message n of a mailbox; its request ID is "m<n>".
func entry(n uint64, kind wire.Kind, from string) streams.Entry {
	requestID := fmt.Sprintf("m%d", n)
	data := body(requestID, kind.String(), "", "sealed")
	return streams.Entry{
		ID:   streams.EntryID{Epoch: testEpoch, Seq: n},
		Body: streams.Body(streams.AppendBody(nil, byte(kind), []byte(from), []byte(`"`+requestID+`"`), []byte(data))),
	}
}

// peerOf is a live rejoin.v1 peer on another instance.
func peerOf(id string) streams.Peer {
	return streams.Peer{Client: id, Dialect: byte(wire.RejoinV1), Keep: true, Session: "00000000000000aa", Instance: "there"}
}

// ring rings for an entry.
func ring(hub *signaling.Hub, room wire.RoomID, client string, e streams.Entry) {
	hub.Bell(&streams.Bell{Kind: streams.BellData, Room: room.String(), Client: client, ID: e.ID, Body: e.Body})
}

// tell rings for the presence of an extension.
func tell(hub *signaling.Hub, room wire.RoomID, kind streams.BellKind, client string, version uint64) {
	hub.Bell(presence(room, kind, client, version))
}

func presence(room wire.RoomID, kind streams.BellKind, client string, version uint64) *streams.Bell {
	return &streams.Bell{
		Kind: kind, Room: room.String(), Client: client, Role: wire.Extension.Text(), Dialect: byte(wire.RejoinV1), Keep: true,
		Session: "00000000000000aa", Instance: "there", Version: version, Left: testGrace,
	}
}

// newID draws a client ID.
func newID() string { return wire.NewClientID().String() }

func newRoom() (room wire.RoomID) {
	one, two := wire.NewClientID(), wire.NewClientID()
	copy(room[:], one[:])
	copy(room[16:], two[:])
	return room
}

// testConfig is a configuration with nothing periodic in reach of a test.
func testConfig() signaling.Config {
	return signaling.Config{
		ResumeRoles: []wire.Role{wire.Wallet}, PingInterval: 25 * time.Second, MaxMessageBytes: 64 << 10,
		SyncInterval: 24 * time.Hour, Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler),
	}
}
