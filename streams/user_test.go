package streams_test

import (
	"testing"

	"github.com/rejoin-dev/rejoin/streams"
)

const ada = "ada, of two words – and more"

// as is the request of a client whose token named a user.
func as(a streams.Attach, user string) streams.Attach {
	a.User = user
	return a
}

// TestUsersAreTold: both newcomers and the clients already there learn the users, whatever happens to a session.
func TestUsersAreTold(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e := x.join(t, room, extension, rejoin)
		_, w := y.try(t, as(request(room, wallet, rejoin, true), ada))
		if b := x.bell(t, streams.BellJoined, w.id); b.User != ada {
			t.Errorf("joined as %q", b.User)
		}
		_, e2 := x.try(t, request(room, extension, rejoin, true))
		if peers := e2.got.Peers; len(peers) != 1 || peers[0].User != ada {
			t.Errorf("peers of a newcomer: %+v", peers)
		}
		if peers := w.got.Peers; len(peers) != 1 || peers[0].User != "" {
			t.Errorf("peers of one that is named: %+v", peers)
		}
		w.drop(t)
		_, back := y.try(t, as(w.back(streams.EntryID{}), ada))
		if back.got.Verdict != streams.Resumed {
			t.Fatalf("resume: %+v", back.got)
		}
		if b := x.bell(t, streams.BellResumed, w.id); b.User != ada {
			t.Errorf("resumed as %q", b.User)
		}
		e.send(t, back, 'o', "a message") // which rewrites the record
		if s := must(t, x.sync(e.ref(), streams.EntryID{})); len(s.Peers) != 1 || s.Peers[0].User != ada {
			t.Errorf("peers after a message: %+v", s.Peers)
		}
		state, err := p.inspector(t).Room(t.Context(), room)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range state.Members {
			if want := map[string]string{w.id: ada}[m.Client]; m.User != want {
				t.Errorf("record of %s: %q, want %q", m.Client, m.User, want)
			}
		}
	})
}

// TestSessionsAreTheirUsers: a client with another name, or none, cannot resume one or take it over.
func TestSessionsAreTheirUsers(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		for _, user := range []string{"", "eve"} {
			_, w := x.try(t, as(request(room, wallet, rejoin, true), ada))
			w.drop(t)
			if got, _ := x.try(t, as(w.back(streams.EntryID{}), user)); got.Refusal != streams.RefusedMismatch || got.Client == w.id {
				t.Errorf("resumed as %q: %+v", user, got)
			}
			_, plainOne := x.try(t, as(request(newRoom(), wallet, plain, true), ada))
			plainOne.drop(t)
			if got, _ := x.try(t, as(request(plainOne.room, wallet, plain, true), user)); got.Verdict != streams.Fresh {
				t.Errorf("taken over as %q: %+v", user, got)
			}
		}
	})
}

// TestResumeOrNothing: a client that may only come back gets no new session, and leaves no trace.
func TestResumeOrNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		w := x.join(t, room, wallet, rejoin)
		w.drop(t)
		late := w.back(streams.EntryID{})
		late.NewClient = ""
		for range 2 { // as a call that is made again
			if got, _ := x.try(t, late); got.Verdict != streams.Resumed || got.Client != w.id {
				t.Fatalf("resume: %+v", got)
			}
		}
		must(t, x.leave(streams.SessionRef{Room: room, Client: w.id, Session: late.Session}, streams.EntryID{}))
		late.Session = streams.NewSession()
		if got, _ := x.try(t, late); got.Verdict != streams.NotResumed {
			t.Errorf("a session that has ended: %+v", got)
		}
		if keys := p.keys(t, room); len(keys) > 0 {
			t.Errorf("left behind: %v", keys)
		}
	})
}
