package streams_test

import (
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/streams"
)

func traced(o *streams.Options) { o.Traced = true }

// follow sends a message with a trace.
func (m *member) follow(tb failer, to *member, name, trace string) {
	tb.Helper()
	msg := m.message(to.id, 'c', name)
	msg.Trace = []byte(trace)
	if got := must(tb, m.in.send(msg)); got != streams.Stored {
		tb.Fatalf("send %.20s: outcome %d", name, got)
	}
}

// A trace travels with the doorbell to an instance that traces; one that does not is rung as ever, and so are others for
// messages that are not traced. No instance is left out, and on a single server none is rung twice.
func TestTraceTravelsWithTheDoorbell(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, follows, not, room := p.open(t), p.open(t, traced), p.open(t), newRoom()
		e := x.join(t, room, extension, rejoin)
		for _, in := range []*instance{follows, not} {
			w := in.join(t, room, wallet, rejoin)
			large := strings.Repeat("x", 17<<10) // its doorbell has no body
			e.follow(t, w, "one", "a-trace")
			e.send(t, w, 'c', "two")
			e.follow(t, w, large, "another")
			first := map[streams.EntryID]streams.Bell{}
			for _, b := range in.rung(t, room) {
				if _, known := first[b.ID]; b.Kind != streams.BellData {
					continue
				} else if known && !p.cluster {
					t.Errorf("rung twice for %v", b.ID)
				} else if !known {
					first[b.ID] = b
				}
			}
			for n, want := range []struct{ data, trace string }{{"one", "a-trace"}, {"two", ""}, {"", "another"}} {
				if in == not {
					want.trace = ""
				}
				b, data := first[w.seq(uint64(n))], ""
				if b.Body != "" {
					data = b.Body.Data()
				}
				if b.Client != w.id || data != want.data || b.Trace != want.trace {
					t.Errorf("doorbell %d: %+v, want %+v", n, b, want)
				}
			}
		}
	})
}

// A trace waits in the mailbox, too.
func TestTraceWaitsInTheMailbox(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		w.drop(t)
		e.follow(t, w, "one", "a-trace")
		e.send(t, w, 'c', "two")
		w = w.resume(t, x, streams.EntryID{})
		synced := must(t, x.sync(w.ref(), streams.EntryID{}))
		for where, entries := range map[string][]streams.Entry{"attach": w.got.Entries, "sync": synced.Entries} {
			if len(entries) != 2 || entries[0].Trace != "a-trace" || entries[1].Trace != "" || entries[0].Body.Data() != "one" {
				t.Errorf("%s: %+v", where, entries)
			}
		}
	})
}

// A connection is told of the last traced connection before it, over those that are not traced, and over all instances.
func TestConnectionsAreLinked(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		a := request(room, wallet, rejoin, true)
		a.Trace = "first"
		got, w := x.try(t, a)
		if got.Link != "" {
			t.Errorf("the first is linked to %q", got.Link)
		}
		for i, c := range []struct{ trace, link string }{{"", "first"}, {"third", "first"}, {"", "third"}} {
			if i == 1 {
				w.drop(t)
			}
			a := w.back(streams.EntryID{})
			a.Trace = c.trace
			if got, w = y.try(t, a); got.Verdict != streams.Resumed || got.Link != c.link {
				t.Errorf("connection %d: %+v, want a link to %q", i+2, got, c.link)
			}
		}
		if !must(t, y.leave(w.ref(), streams.EntryID{})) {
			t.Error("not ended")
		}
		w.wantEnded(t, y, streams.SessionEnd{Instance: y.name, Reason: "lost", Connections: 4})
		sameNames(t, p.keys(t, room))
	})
}
