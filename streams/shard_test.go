package streams_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/streams"
)

// pairIn joins an extension at x and a wallet at y in a new room that the given primary has, or any other.
func pairIn(t *testing.T, c *redistest.Partitioned, x, y *instance, ok func(primary int) bool) (room string, e, w *member) {
	t.Helper()
	for {
		if room = newRoom(); ok(c.Holder("{" + room + "}")) {
			return room, x.join(t, room, extension, rejoin), y.join(t, room, wallet, rejoin)
		}
	}
}

// A primary that does not answer costs its own rooms only: in the others nothing is refused, bells arrive, clients come and go, and
// all instances stay alive, for longer than a lease. R26.
func TestAPrimaryThatIsAwayCostsItsOwnRoomsOnly(t *testing.T) {
	for name, away := range map[string]struct {
		begin, end func(c *redistest.Partitioned, primary int)
	}{
		"hung":   {(*redistest.Partitioned).Pause, (*redistest.Partitioned).Resume},
		"killed": {(*redistest.Partitioned).Kill, func(*redistest.Partitioned, int) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := redistest.NewCluster(t)
			p := &place{url: c.URL(), cluster: true}
			short := func(o *streams.Options) {
				o.Lease, o.CallTimeout, o.MailboxEntries, o.MailboxBytes = 3*time.Second, 4*time.Second, 1<<20, 1<<30
			}
			x, y := p.open(t, short), p.open(t, short)
			const dead = 1 // it has no replica
			var rooms []string
			var es, ws []*member
			for i := range 6 {
				room, e, w := pairIn(t, c, x, y, func(n int) bool { return n == []int{0, 2}[i%2] })
				rooms, es, ws = append(rooms, room), append(es, e), append(ws, w)
			}
			_, lostE, lostW := pairIn(t, c, x, y, func(n int) bool { return n == dead })

			// What is asserted is that nothing fails; how long it took stands in the log (go test -v).
			took := map[string][]time.Duration{}
			exchange := func(when string, n int) {
				i, name, began := n%len(rooms), fmt.Sprint("m", when, n), time.Now()
				if got := must(t, x.send(es[i].message(ws[i].id, 'c', name))); got != streams.Stored {
					t.Fatalf("send %d in a healthy room: %d", n, got)
				}
				y.wait(t, "its doorbell", func() bool {
					for _, b := range y.bells {
						if b.Kind == streams.BellData && b.Room == rooms[i] && b.Body.RequestID() == fmt.Sprintf("%q", name) {
							return true
						}
					}
					return false
				})
				y.take()
				took[when] = append(took[when], time.Since(began))
			}
			for n := range 1000 {
				exchange("before", n)
			}
			away.begin(c, dead)
			lost := x.send(lostE.message(lostW.id, 'c', "lost"))
			renewals := func() int { x.mu.Lock(); defer x.mu.Unlock(); return x.renewals }
			for began, n := renewals(), 0; renewals() < began+6; n++ { // nearly two leases
				exchange("meanwhile", n)
			}
			for when, list := range took {
				slices.Sort(list)
				t.Logf("%s: %d messages, p50 %v, p99 %v, longest %v", when, len(list), list[len(list)/2], list[len(list)*99/100], list[len(list)-1])
			}
			for _, in := range []*instance{x, y} {
				if err := in.Ready(); err != nil {
					t.Errorf("ready: %v", err)
				}
				in.mu.Lock()
				if !in.live[x.name] || !in.live[y.name] {
					t.Errorf("believed to live: %v", in.live)
				}
				in.mu.Unlock()
			}
			if _, err := end(t, lost); !errors.Is(err, streams.ErrUnavailable) {
				t.Errorf("send in the room of the one that is away: %v", err)
			}
			if x.Serves(lostE.room) == nil || x.Serves(rooms[0]) != nil {
				t.Errorf("serves the lost room: %v, another: %v", x.Serves(lostE.room), x.Serves(rooms[0]))
			}
			ws[0].drop(t)
			ws[0] = ws[0].resume(t, x, streams.EntryID{})

			if away.end(c, dead); name == "hung" {
				until(t, "its rooms work again", func() bool {
					got, err := end(t, x.send(lostE.message(lostW.id, 'c', "lost")))
					return err == nil && (got == streams.Stored || got == streams.StoredBefore)
				})
			}
		})
	}
}

// A slot is on its way, the room's keys on both sides: every step waits until they are together again, and is then done. Nothing is
// refused as lost. R33.
func TestARoomWaitsWhileItsSlotMoves(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t)
	p := &place{url: c.URL(), cluster: true}
	x := p.open(t, func(o *streams.Options) { o.CallTimeout = patience })
	for name, first := range map[string]func(room string, mailboxes []string) []string{
		"room before mailboxes": func(room string, _ []string) []string { return []string{"{" + room + "}:m"} },
		"mailboxes before room": func(_ string, boxes []string) []string { return boxes },
		"one mailbox":           func(_ string, boxes []string) []string { return boxes[:1] },
	} {
		t.Run(name, func(t *testing.T) {
			room := newRoom()
			e, w, gone := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin), x.join(t, room, wallet, rejoin)
			e.send(t, w, 'o', "0")
			e.send(t, w, 'a', "1")
			last := w.seq(0)
			e.send(t, gone, 'o', "2")
			gone.drop(t)
			boxes := []string{"{" + room + "}:s:" + w.id, "{" + room + "}:s:" + gone.id, "{" + room + "}:s:" + e.id}

			m := c.BeginMove("{" + room + "}")
			m.Keys(first(room, boxes)...)
			sent := x.send(e.message(w.id, 'c', "3"))
			acked := x.ack(w.ref(), last)
			synced := x.sync(w.ref(), last)
			resumed := x.attach(gone.back(streams.EntryID{}))
			joined := x.attach(request(room, wallet, rejoin, true))
			detached := x.detach(e.ref(), streams.EntryID{})
			m.Finish()

			if got := must(t, sent); got != streams.Stored {
				t.Errorf("send: %d", got)
			}
			if got := must(t, acked); got != streams.HoldingOurs {
				t.Errorf("ack: %d", got)
			}
			if got := must(t, synced); got.Holding != streams.HoldingOurs {
				t.Errorf("sync: %+v", got)
			}
			if got := must(t, resumed); got.Verdict != streams.Resumed || got.Replay != 1 {
				t.Errorf("resume: %+v", got)
			}
			if got := must(t, joined); got.Verdict != streams.Fresh {
				t.Errorf("join: %+v", got)
			}
			if got := must(t, detached); got != streams.HoldingOurs {
				t.Errorf("detach: %d", got)
			}
		})
	}
}

// One address of a cluster is enough: it is recognised and used as one.
func TestOneAddressOfAClusterIsUsedAsACluster(t *testing.T) {
	t.Parallel()
	url := redistest.Cluster(t)
	p := &place{url: url[:strings.IndexByte(url, ',')]}
	x, y := p.open(t), p.open(t)
	p.url, p.cluster = url, true
	for range 24 {
		room := newRoom()
		e, w := x.join(t, room, extension, rejoin), y.join(t, room, wallet, rejoin)
		e.send(t, w, 'o', "0")
		y.bell(t, streams.BellData, w.id)
	}
}
