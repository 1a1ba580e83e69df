package streams_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/streams"
)

func TestSendRingsOnceWithTheMessage(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, z, room := p.open(t), p.open(t), p.open(t), newRoom()
		e, w := x.join(t, room, extension, plain), y.join(t, room, wallet, rejoin)
		x.rung(t, room)
		m := e.message(w.id, 'o', "data")
		m.RequestID = []byte(`"a \"quoted\" request"`)
		if got := must(t, x.send(m)); got != streams.Stored {
			t.Fatalf("outcome %d", got)
		}
		bells := y.rung(t, room)
		if kinds(bells, room) != "d" {
			t.Fatalf("doorbells %q", kinds(bells, room))
		}
		b := bells[0]
		if b.Client != w.id || b.ID != w.seq(0) || b.Body.Kind() != 'o' || b.Body.From() != e.id ||
			b.Body.RequestID() != string(m.RequestID) || b.Body.Data() != "data" {
			t.Errorf("doorbell %+v", b)
		}
		for _, other := range []*instance{x, z} {
			if bells := other.rung(t, room); len(bells) != 0 {
				t.Errorf("doorbells elsewhere: %+v", bells)
			}
		}
	})
}

func TestEntryIDsAreContiguousWhateverIsAcknowledged(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, w := x.join(t, room, extension, plain), x.join(t, room, wallet, rejoin)
		var next uint64
		round := func(n int) {
			t.Helper()
			for range n {
				e.send(t, w, 'c', strconv.FormatUint(next, 10))
				if got := w.all(t, w.seq(next))[0:]; len(got) != 0 {
					t.Fatalf("entries after %v: %v", w.seq(next), got)
				}
				next++
			}
			if s := must(t, w.in.sync(w.ref(), streams.EntryID{})); s.Last != w.seq(next-1) {
				t.Fatalf("last entry %v, want %v", s.Last, w.seq(next-1))
			}
		}
		round(3)
		must(t, x.ack(w.ref(), w.seq(2))) // empty now
		round(2)
		w.drop(t)
		w = w.resume(t, y, streams.EntryID{})
		round(1)
		must(t, y.ack(w.ref(), w.seq(next-1)))
		w = w.resume(t, y, w.seq(next-1))
		round(2)
	})
}

// R7: what is sent again is confirmed again and stored once; the ring holds an SDK's whole outbox.
func TestRepeatedSendIsStoredOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		var outbox []string
		for i := range streams.RingSize {
			outbox = append(outbox, fmt.Sprint("m", i))
		}
		e.send(t, w, 'c', outbox...)
		again := func() {
			t.Helper()
			for _, name := range outbox {
				e.want(t, streams.StoredBefore, w, 'c', name)
			}
		}
		again()
		e.drop(t)
		e = e.resume(t, y, streams.EntryID{})
		again()
		must(t, x.ack(w.ref(), w.seq(streams.RingSize-1))) // delivered and gone: still not again
		again()
		sameNames(t, p.mailbox(t, room, w.id))

		other := x.join(t, room, extension, rejoin)
		m := other.message(w.id, 'c', "m0")
		m.Fingerprint = fingerprint(e.id, w.id, "m0") // each sender has a ring of its own
		if got := must(t, x.send(m)); got != streams.Stored {
			t.Errorf("the same fingerprint of another sender: %d", got)
		}
	})
}

// chain sends messages of which each names the one before it, as clients' connections do.
func (m *member) chain(tb failer, want streams.Outcome, to *member, before string, names ...string) {
	tb.Helper()
	for _, name := range names {
		msg := m.message(to.id, 'c', name)
		if before != "" {
			msg.Before = fingerprint(m.id, to.id, before)
		}
		if got := must(tb, m.in.send(msg)); got != want {
			tb.Fatalf("send %s behind %s: outcome %d, want %d", name, before, got, want)
		}
		before = name
	}
}

// The last 64 are known however many there were, wherever the first that is sent again was.
func TestRepeatedChainIsStoredOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		var sent []string
		last := ""
		for i, n := range []int{1, 7, 1, 15, 1, 40, 16, 100} {
			var more []string
			for j := range n {
				more = append(more, fmt.Sprint(i, "-", j))
			}
			e.chain(t, streams.Stored, w, last, more...)
			sent = append(sent, more...)
			last = more[n-1]
			known := sent[max(0, len(sent)-streams.RingSize):]
			for from := 0; from < len(known); from += 13 {
				e.chain(t, streams.StoredBefore, w, "", known[from:]...)
			}
		}
		sameNames(t, names(w.all(t, streams.EntryID{})), sent...)
	})
}

// An instance of an earlier version keeps the whole ring in one field, and nothing else.
func TestRingOfAnEarlierVersion(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		var names []string
		ring := ""
		for i := range streams.RingSize {
			names = append(names, fmt.Sprint(i))
			ring += string(binary.LittleEndian.AppendUint64(nil, fingerprint(e.id, w.id, names[i])))
		}
		if err := p.node(t, room).HSet(t.Context(), "{"+room+"}:m", "!"+e.id, ring).Err(); err != nil {
			t.Fatal(err)
		}
		e.chain(t, streams.StoredBefore, w, "", names...)
		e.chain(t, streams.Stored, w, names[len(names)-1], "new")
		e.chain(t, streams.StoredBefore, w, "", append(names[1:], "new")...)
		ring, err := p.node(t, room).HGet(t.Context(), "{"+room+"}:m", "!"+e.id).Result()
		last := string(binary.LittleEndian.AppendUint64(nil, fingerprint(e.id, w.id, "new")))
		if err != nil || !strings.HasSuffix(ring, last) || len(ring)%8 != 0 {
			t.Errorf("ring %q, %v", ring, err)
		}
	})
}

func TestSendToNoClientIsMissing(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, same := x.join(t, room, extension, rejoin), x.join(t, room, extension, rejoin)
		gone, away, over := x.join(t, room, wallet, rejoin), x.join(t, room, wallet, rejoin), x.join(t, room, wallet, rejoin)
		elsewhere := x.join(t, newRoom(), wallet, rejoin)
		must(t, x.leave(gone.ref(), streams.EntryID{}))
		away.drop(t)
		over.drop(t)
		p.elapse(t, room, over.id)
		e.want(t, streams.Missing, same, 'c', "same role")
		e.want(t, streams.Missing, e, 'c', "itself")
		e.want(t, streams.Missing, gone, 'c', "gone")
		e.want(t, streams.Missing, over, 'c', "window over")
		e.want(t, streams.Missing, elsewhere, 'c', "another room")
		e.want(t, streams.Missing, &member{id: newClient()}, 'c', "nobody")
		e.want(t, streams.Missing, &member{id: strings.Repeat("\x00", 36)}, 'c', "zeros")
		e.want(t, streams.Stored, away, 'c', "in its window")
		// Missing is no confirmation: once the target is there the same message is stored.
		sameNames(t, p.mailbox(t, room, away.id), "in its window")
	})
}

func TestMailboxIsBoundedAndNothingConfirmedIsTrimmed(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		small := func(o *streams.Options) { o.MailboxEntries, o.MailboxBytes = 4, 1000 }
		x, room := p.open(t, small), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		e.send(t, w, 'c', "0", "1", "2", "3")
		e.want(t, streams.MailboxFull, w, 'c', "4")
		sameNames(t, p.mailbox(t, room, w.id), "0", "1", "2", "3")
		must(t, x.ack(w.ref(), w.seq(1)))
		e.want(t, streams.Stored, w, 'c', "4") // refused is not stored: no ring entry
		sameNames(t, names(w.all(t, streams.EntryID{})), "2", "3", "4")
		must(t, x.ack(w.ref(), w.seq(4)))

		big := strings.Repeat("x", 400)
		e.send(t, w, 'c', "a"+big, "b"+big)
		e.want(t, streams.MailboxFull, w, 'c', "c"+big)
		e.want(t, streams.Stored, w, 'c', "small")
		must(t, x.ack(w.ref(), w.seq(5)))
		e.want(t, streams.Stored, w, 'c', "c again"+big)
		e.want(t, streams.MailboxFull, w, 'c', "d"+strings.Repeat("y", 1000))
		must(t, x.ack(w.ref(), w.seq(8)))
		e.want(t, streams.MailboxFull, w, 'c', "e"+strings.Repeat("y", 1000)) // never fits
		sameNames(t, p.mailbox(t, room, w.id))
	})
}

// What was refused is sent again, for its answer was lost: it is not stored behind what was sent, and stored, later. To another peer
// it does not matter.
func TestWhatWasRefusedStaysRefusedWhenALaterOneWasStored(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		small := func(o *streams.Options) { o.MailboxEntries = 2 }
		x, y, room := p.open(t, small), p.open(t, small), newRoom()
		e, w, other := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin), x.join(t, room, wallet, rejoin)
		e.send(t, w, 'c', "0", "1")
		e.want(t, streams.MailboxFull, w, 'c', "2")
		e.want(t, streams.MailboxFull, w, 'c', "3")
		e.send(t, other, 'c', "a")
		must(t, x.ack(w.ref(), w.seq(0)))
		e.send(t, w, 'c', "4")
		must(t, x.ack(w.ref(), w.seq(2)))
		e.drop(t)
		e = e.resume(t, y, streams.EntryID{})
		e.want(t, streams.MailboxFull, w, 'c', "2")
		e.want(t, streams.MailboxFull, w, 'c', "3")
		e.want(t, streams.StoredBefore, w, 'c', "4")
		e.send(t, w, 'c', "5", "6")
		e.want(t, streams.MailboxFull, w, 'c', "7")
		must(t, x.ack(w.ref(), w.seq(4)))
		e.send(t, other, 'c', "b")
		e.send(t, w, 'c', "7") // nothing has overtaken it
		e.want(t, streams.MailboxFull, w, 'c', "2")
		sameNames(t, names(w.all(t, streams.EntryID{})), "7")
	})
}

// The same when each message names the one before it, and the one that was stored later is far from the one that was refused.
func TestWhatWasRefusedStaysRefusedInAChain(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		small := func(o *streams.Options) { o.MailboxEntries = 2 }
		x, room := p.open(t, small), newRoom()
		e, w, other := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin), x.join(t, room, wallet, rejoin)
		send := func(want streams.Outcome, to *member, name string, before uint64) uint64 {
			t.Helper()
			m := e.message(to.id, 'c', name)
			m.Before = before
			if got := must(t, x.send(m)); got != want {
				t.Fatalf("send %s: outcome %d, want %d", name, got, want)
			}
			return m.Fingerprint
		}
		last := send(streams.Stored, w, "0", 0)
		last = send(streams.Stored, w, "1", last)
		last = send(streams.MailboxFull, w, "2", last)
		last = send(streams.Stored, other, "a", last)
		last = send(streams.Stored, other, "b", last) // w has had nothing since
		must(t, x.ack(w.ref(), w.seq(1)))
		last = send(streams.Stored, w, "3", last)
		must(t, x.ack(w.ref(), w.seq(2)))
		send(streams.MailboxFull, w, "2", 0)
		send(streams.Stored, w, "4", last)
		send(streams.StoredBefore, w, "3", 0)
		sameNames(t, names(w.all(t, streams.EntryID{})), "4")
	})
}

// Whatever is refused, its sender's next message is stored, and a long list of refusals does not grow without end.
func TestRefusalsAreRememberedInBoundedSpace(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		small := func(o *streams.Options) { o.MailboxEntries = 1 }
		x, room := p.open(t, small), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		e.send(t, w, 'c', "first")
		before := "first"
		for i := range 100 {
			name := fmt.Sprint(i)
			m := e.message(w.id, 'c', name)
			m.Before = fingerprint(e.id, w.id, before)
			if got := must(t, x.send(m)); got != streams.MailboxFull {
				t.Fatalf("send %d: %d", i, got)
			}
			before = name
		}
		must(t, x.ack(w.ref(), w.seq(0)))
		m := e.message(w.id, 'c', "last")
		m.Before = fingerprint(e.id, w.id, before)
		if got := must(t, x.send(m)); got != streams.Stored {
			t.Fatalf("the last: %d", got)
		}
		list, err := p.node(t, room).HGet(t.Context(), "{"+room+"}:m", "x!"+e.id).Result()
		if err != nil || len(list) > 600 {
			t.Errorf("%d bytes of refusals, %v", len(list), err)
		}
	})
}

// R12: calls that are made one after the other, without waiting, are stored in that order.
func TestSendsKeepTheOrderOfTheirCalls(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		all := func(o *streams.Options) { o.MailboxEntries, o.CallTimeout = 2000, patience }
		x, y, room := p.open(t, all), p.open(t, all), newRoom()
		e1, e2, w := x.join(t, room, extension, rejoin), y.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		var waiting []<-chan answer[streams.Outcome]
		const n = 500
		for i := range n {
			waiting = append(waiting, x.send(e1.message(w.id, 'c', fmt.Sprint("a", i))), y.send(e2.message(w.id, 'c', fmt.Sprint("b", i))))
		}
		for i, c := range waiting {
			if got := must(t, c); got != streams.Stored {
				t.Fatalf("send %d: %d", i, got)
			}
		}
		var a, b int
		for _, name := range names(w.all(t, streams.EntryID{})) {
			switch name {
			case fmt.Sprint("a", a):
				a++
			case fmt.Sprint("b", b):
				b++
			default:
				t.Fatalf("%s after a%d and b%d", name, a-1, b-1)
			}
		}
		if a != n || b != n {
			t.Errorf("%d and %d of %d", a, b, n)
		}
		for i, bell := range x.rung(t, room) {
			if bell.Kind == streams.BellData && bell.Client == w.id && bell.ID.Epoch != w.got.Epoch {
				t.Errorf("doorbell %d: %v", i, bell.ID)
			}
		}
	})
}

func TestLargeMessageRingsWithoutItsBody(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, plain), x.join(t, room, wallet, rejoin)
		large := strings.Repeat("x", 20<<10)
		e.send(t, w, 'o', large)
		bell := x.bell(t, streams.BellData, w.id)
		if bell.Body != "" || bell.ID != w.seq(0) {
			t.Errorf("doorbell of %d bytes, %v", len(bell.Body), bell.ID)
		}
		sameNames(t, names(w.all(t, streams.EntryID{})), large)
	})
}

// Bytes are bytes: neither the scripts nor the protocol of Redis mind what a payload holds.
func TestAnyBytesTravelUnchanged(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, plain), x.join(t, room, wallet, rejoin)
		for i, data := range []string{"", "\x00", "\r\n$5\r\n", "\xff\xfe", `{"ü":"\\"}`, " leading and \n inner"} {
			m := e.message(w.id, 'c', fmt.Sprint(i))
			m.Data, m.RequestID = []byte(data), []byte("\n \x00"+data)
			if got := must(t, x.send(m)); got != streams.Stored {
				t.Fatalf("%q: %d", data, got)
			}
			body := w.all(t, streams.EntryID{})[i].Body
			if body.Data() != data || body.RequestID() != string(m.RequestID) {
				t.Errorf("%q came back as %q %q", data, body.RequestID(), body.Data())
			}
		}
		must(t, x.leave(w.ref(), streams.EntryID{}))
		if left := x.bell(t, streams.BellLeft, w.id); len(left.Undelivered) != 6 || left.Undelivered[2].RequestID != "\n \x00\r\n$5\r\n" {
			t.Errorf("undelivered: %+v", left.Undelivered)
		}
	})
}

// The peer rule has two halves, and either alone lets strangers talk.
func TestPeersAreEachOthersTarget(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		roles := []string{wallet, extension, "peer>peer", "host>viewer", "viewer>host", "viewer>peer", "peer>host", "wallet>wallet"}
		members := map[string][2]*member{}
		for _, role := range roles {
			members[role] = [2]*member{x.join(t, room, role, rejoin), y.join(t, room, role, rejoin)}
		}
		for _, from := range roles {
			sync := must(t, x.sync(members[from][0].ref(), streams.EntryID{}))
			for _, to := range roles {
				a, b := members[from][0], members[to][1]
				seen := slices.ContainsFunc(sync.Peers, func(p streams.Peer) bool { return p.Client == b.id })
				sourceA, targetA := sides(from)
				sourceB, targetB := sides(to)
				want := streams.Missing
				if sourceA == targetB && targetA == sourceB {
					want = streams.Stored
				}
				a.want(t, want, b, 'm', from+to)
				if seen != (want == streams.Stored) {
					t.Errorf("%s sees %s: %t", from, to, seen)
				}
			}
			a := members[from][0]
			a.want(t, streams.Missing, a, 'm', "itself")
		}
	})
}

// A plain client is given what it knows, and a message is not given when its time is over; its sender is told once, wherever it is.
func TestMessagesThatAreNotDelivered(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, w, old := x.join(t, room, extension, rejoin), y.join(t, room, wallet, rejoin), y.join(t, room, wallet, plain)
		beyond := e.message(old.id, 'm', "beyond")
		beyond.Beyond = true
		if got := must(t, x.send(beyond)); got != streams.BeyondPlain {
			t.Fatalf("to a plain client: %d", got)
		}
		beyond.Target, beyond.Fingerprint = []byte(w.id), beyond.Fingerprint+1
		if got := must(t, x.send(beyond)); got != streams.Stored {
			t.Fatalf("to a client of rejoin.v1: %d", got)
		}
		w.drop(t)
		limited := func(name string, ttl time.Duration) {
			m := e.message(w.id, 'm', name)
			m.TTL = ttl
			if got := must(t, x.send(m)); got != streams.Stored {
				t.Fatalf("%s: %d", name, got)
			}
		}
		limited("1", time.Millisecond)
		e.send(t, w, 'a', "2")
		limited("3", time.Hour)
		for next := time.Duration(0); ; { // once the first is over, the hour of the third is all that is left
			next = must(t, begin(func(done func(time.Duration, error)) { y.Overdue(room, w.id, done) }))
			if next > time.Minute {
				break
			}
		}
		if b := x.bell(t, streams.BellOverdue, e.id); len(b.Undelivered) != 1 || b.Undelivered[0] != (streams.Undelivered{Client: w.id, RequestID: `"1"`}) {
			t.Errorf("the sender is told of %+v", b.Undelivered)
		}
		// The doorbell may be lost, or the connection dead: until the client has proven that it knows, Redis does.
		late := streams.Undelivered{Client: w.id, RequestID: `"1"`, Late: true}
		for range 2 {
			if s := must(t, x.sync(e.ref(), streams.EntryID{})); len(s.Undelivered) != 1 || s.Undelivered[0] != late {
				t.Errorf("sync tells of %+v", s.Undelivered)
			}
		}
		e.drop(t)
		e = e.resume(t, x, streams.EntryID{})
		if len(e.got.Undelivered) != 1 || e.got.Undelivered[0] != late {
			t.Errorf("not told when it comes back: %+v", e.got.Undelivered)
		}
		if s := must(t, x.sync(e.ref(), streams.EntryID{})); len(s.Undelivered) != 0 {
			t.Errorf("sync tells of what the connection was opened with: %+v", s.Undelivered)
		}
		told(t, x, room, e.id, streams.Undelivered{Client: w.id, RequestID: `"of another"`}, late)
		e.drop(t)
		e = e.resume(t, x, streams.EntryID{})
		if len(e.got.Undelivered) != 0 {
			t.Errorf("told twice: %+v", e.got.Undelivered)
		}
		limited("4", time.Millisecond)
		e.drop(t)
		for w = w.resume(t, y, streams.EntryID{}); w.got.Replay != 3; w = w.resume(t, y, streams.EntryID{}) {
			if w.got.Replay != 4 { // a millisecond is not over yet
				t.Fatalf("replay %d", w.got.Replay)
			}
		}
		sameNames(t, names(w.got.Entries), "beyond", "2", "3")
		if w.got.Superseded != 0 {
			t.Errorf("superseded %d", w.got.Superseded)
		}
		e = e.resume(t, x, streams.EntryID{})
		if len(e.got.Undelivered) != 1 || e.got.Undelivered[0].RequestID != `"4"` {
			t.Errorf("the sender that was away is told of %+v", e.got.Undelivered)
		}
		e.send(t, w, 'c', "5")
		if n := must(t, y.sync(w.ref(), streams.EntryID{})); len(n.Entries) != 4 {
			t.Errorf("%v wait", names(n.Entries))
		}
	})
}

// told has Redis forget messages that their sender knows of.
func told(t testing.TB, in *instance, room, client string, list ...streams.Undelivered) {
	t.Helper()
	must(t, begin(func(done func(struct{}, error)) {
		in.Told(room, client, list, func(err error) { done(struct{}{}, err) })
	}))
}

// Whether the time of something is over in the mailbox of a client that is connected is asked for often, and costs the same however much waits there.
func TestOverdueDoesNotReadTheMailboxOfAConnectedClient(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t)
	x, room := (&place{url: server.URL()}).open(t), newRoom()
	e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
	for i := range 200 {
		m := e.message(w.id, 'm', fmt.Sprint(i))
		m.TTL = time.Millisecond
		if got := must(t, x.send(m)); got != streams.Stored {
			t.Fatalf("send: %d", got)
		}
	}
	reads := func() string {
		for line := range strings.Lines(server.Do("INFO commandstats")) {
			if calls, ok := strings.CutPrefix(line, "cmdstat_xrange:"); ok {
				return calls
			}
		}
		return ""
	}
	ask := func() time.Duration {
		return must(t, begin(func(done func(time.Duration, error)) { x.Overdue(room, w.id, done) }))
	}
	before := reads()
	for range 20 {
		if next := ask(); next < time.Second {
			t.Fatalf("to be asked again in %v", next)
		}
	}
	if after := reads(); after != before {
		t.Errorf("XRANGE: %s, then %s", before, after)
	}
	w.drop(t)
	if next := ask(); next != 0 { // now they are looked for
		t.Errorf("to be asked again in %v, with nothing left", next)
	}
	if b := x.bell(t, streams.BellOverdue, e.id); len(b.Undelivered) != 200 {
		t.Errorf("the sender is told of %d", len(b.Undelivered))
	}
}
