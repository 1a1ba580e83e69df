package streams_test

import (
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/streams"
)

// R25: what a later offer of the same sender makes wrong is not replayed; answers and what follows them are.
// Each message is its kind, a digit for its sender and one to tell it from others.
func TestReplayLeavesOutWhatALaterOfferReplaces(t *testing.T) {
	for name, c := range map[string]struct{ sent, want string }{
		"one offer":                            {"o10 c11 c12", "o10 c11 c12"},
		"an offer again":                       {"o10 o11 c12", "o11 c12"},
		"with its candidates":                  {"o10 c11 C12 o13 c14", "o13 c14"},
		"twice":                                {"o10 c11 o12 c13 o14", "o14"},
		"candidates of an offer acknowledged":  {"c10 c11 o12", "c10 c11 o12"},
		"answers stay":                         {"o10 c11 a12 o13 c14", "a12 o13 c14"},
		"and the candidates that follow them":  {"a10 c11 o12 c13", "a10 c11 o12 c13"},
		"an answer ends the offer's":           {"o10 c11 a12 c13 o14 c15", "a12 c13 o14 c15"},
		"senders do not touch each other":      {"o10 o20 c11 c21 o22", "o10 c11 o22"},
		"two of them":                          {"o10 c11 o20 c21 o12 o22 c13 c23", "o12 o22 c13 c23"},
		"only answers and candidates":          {"a10 a11 c12 C13", "a10 a11 c12 C13"},
		"an offer, its answer, an offer again": {"o10 a11 o12 a13", "a11 o12 a13"},
		"of a sender that left: nothing":       {"a30 c31 o32 c10", "c10"},
		"left, between others":                 {"o10 o30 c11 c31", "o10 c11"},
		"nothing":                              {"", ""},
	} {
		t.Run(strings.ReplaceAll(name, ":", ""), func(t *testing.T) {
			everywhere(t, func(t *testing.T, p *place) {
				x, room := p.open(t), newRoom()
				w := x.join(t, room, wallet, rejoin)
				senders := map[byte]*member{}
				for _, n := range "123" {
					senders[byte(n)] = x.join(t, room, extension, rejoin)
				}
				sent, want := strings.Fields(c.sent), strings.Fields(c.want)
				for _, m := range sent {
					senders[m[1]].send(t, w, m[0], m)
				}
				must(t, x.leave(senders['3'].ref(), streams.EntryID{}))
				w = w.resume(t, x, streams.EntryID{})
				if got := w.got; got.Replay != len(want) || got.Superseded != len(sent)-len(want) {
					t.Errorf("replay %d, superseded %d", got.Replay, got.Superseded)
				}
				sameNames(t, names(w.got.Entries), want...)
				sameNames(t, p.mailbox(t, room, w.id), want...)
				if n := len(sent); n > 0 && w.got.Last != w.seq(uint64(n-1)) { // numbers go on where they were
					t.Errorf("last entry %v, want %v", w.got.Last, w.seq(uint64(n-1)))
				}
			})
		})
	}
}

// The cursor comes first: what the client has is not there to be superseded.
func TestWhatTheClientHasIsNotCountedAsSuperseded(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		e.send(t, w, 'o', "0")
		e.send(t, w, 'c', "1", "2")
		e.send(t, w, 'o', "3")
		w = w.resume(t, x, w.seq(1))
		if w.got.Superseded != 0 {
			t.Errorf("superseded %d", w.got.Superseded)
		}
		sameNames(t, names(w.got.Entries), "2", "3")
	})
}

// A sender that is away may come back: its messages stay.
func TestEntriesOfASuspendedSenderAreReplayed(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
		e.send(t, w, 'o', "0")
		e.drop(t)
		w = w.resume(t, x, streams.EntryID{})
		sameNames(t, names(w.got.Entries), "0")
	})
}
