package streams_test

import (
	"testing"

	"github.com/rejoin-dev/rejoin/streams"
)

// A Redis that came back empty, and a message to an id came before its client's instance: what waits in the box has no session. The
// instance hears that Redis lost its own, and restores it; if it heard of another connection, it would turn its client away.
func TestABoxIsNoOtherConnection(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, alice := p.open(t), p.open(t), newID()
		m := x.has(t, alice, "t1", streams.Fresh)
		p.client(t).Del(t.Context(), "{"+alice.room+"}:m", "{"+alice.room+"}:s:"+alice.client)
		y.posts(t, alice, "bob", "0")
		if got := must(t, x.sync(m.ref(), streams.EntryID{})); got.Holding != streams.HoldingGone {
			t.Errorf("sync: %d", got.Holding)
		}
		if got := must(t, x.ack(m.ref(), m.seq(0))); got != streams.HoldingGone {
			t.Errorf("ack: %d", got)
		}
		y.has(t, alice, "t2", streams.Resumed)
		if got := must(t, x.sync(m.ref(), streams.EntryID{})); got.Holding != streams.HoldingFenced {
			t.Errorf("sync, when another client has the id: %d", got.Holding)
		}
	})
}
