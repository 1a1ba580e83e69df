package chaos_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sort"
	"sync"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
)

// patience bounds every wait for something that has to come; it is no assertion about speed.
const patience = 90 * time.Second

// steady is how long the traffic runs before something breaks, and after it was mended.
const steady = time.Second

// load is rooms that negotiate, and what they saw.
type load struct {
	t     testing.TB
	stack *stack
	log   *history.Log
	rooms []room
	// couples are PeerJS clients: one in four rooms.
	couples []couple

	life    context.CancelFunc
	ctx     context.Context // ends with the test
	senders sync.WaitGroup
	stop    context.CancelFunc // of the senders
}

// newLoad opens the rooms, which the seed draws, and returns when all members have received something.
func newLoad(t testing.TB, s *stack, rooms int, seed uint64) *load {
	t.Helper()
	l := &load{t: t, stack: s, log: history.NewLog()}
	l.ctx, l.life = context.WithCancel(context.Background())
	kinds := drawRooms(rooms, seed)
	t.Logf("rooms: %v", kinds)
	for i, kind := range kinds {
		l.rooms = append(l.rooms, l.newRoom(i, s.room(i, kind), kind, seed))
	}
	var sending context.Context
	sending, l.stop = context.WithCancel(l.ctx)
	for _, a := range l.actors() {
		ctx, cancel := context.WithTimeout(l.ctx, patience)
		err := a.join(ctx)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		l.senders.Go(func() { a.run(sending, l.ctx) })
	}
	for i := range max(1, rooms/4) {
		c := newCouple(l, i)
		c.run(sending, l.ctx, seed)
		l.couples = append(l.couples, c)
	}
	t.Cleanup(l.end)
	l.service(0)
	time.Sleep(steady)
	return l
}

func (l *load) actor(m history.Member, first int, seed uint64) *actor {
	return newActor(l.log, m, client.Config{URLs: urls(first), HTTPClient: l.stack.client()}, seed+uint64(len(m.Name)+first))
}

func (l *load) actors() []*actor {
	var list []*actor
	for _, r := range l.rooms {
		list = append(list, r.members()...)
	}
	return list
}

// await blocks until the history satisfies ok, and reports whether it did in time.
func (l *load) await(what string, ok func([]history.Member, []history.Event) bool) bool {
	l.t.Helper()
	deadline := time.After(patience)
	for {
		changed := l.log.Changed()
		if ok(l.log.History()) {
			return true
		}
		select {
		case <-changed:
			time.Sleep(5 * time.Millisecond) // one look for many events
		case <-deadline:
			l.t.Errorf("waited in vain for %s", what)
			return false
		}
	}
}

// service blocks until every member is served again. It returns how long after since that was, and false if it never happened.
func (l *load) service(since time.Duration) (took time.Duration, served bool) {
	l.t.Helper()
	served = l.await("full service", func(m []history.Member, e []history.Event) (ok bool) {
		took, ok = history.Service(m[:len(l.actors())], e[at(e, since):], since)
		return ok
	})
	return took, served
}

// at returns the index of the first event that was not before a moment.
func at(events []history.Event, moment time.Duration) int {
	return sort.Search(len(events), func(i int) bool { return events[i].At >= moment })
}

// finish ends the traffic, has all members exchange last messages until nothing is pending, and judges the history. What stays
// open for longer than the grace window and some is broken. What is excused is lost when no more of it comes. mark is when
// the last messages began.
func (l *load) finish(excused func(history.Violation, []history.Event) bool) (_ history.Verdict, mark time.Duration) {
	l.t.Helper()
	l.stop()
	l.senders.Wait()
	mark = l.log.Now()
	deadline := time.Now().Add(grace + 20*time.Second)
	lost, same := -1, 0
	for {
		var round sync.WaitGroup
		for _, a := range l.actors() {
			round.Go(func() {
				a.sendToAll(l.ctx)
				a.answers.Wait()
			})
		}
		round.Wait()
		time.Sleep(200 * time.Millisecond)
		members, events := l.log.History()
		v := history.Check(members, events, mark)
		open := slices.DeleteFunc(slices.Clone(v.Violations), func(x history.Violation) bool { return excused(x, events) })
		if same++; v.Lost != lost {
			lost, same = v.Lost, 0
		}
		switch {
		case len(v.Violations) == 0, len(open) == 0 && same == 10, time.Now().After(deadline), slices.ContainsFunc(open, lasting):
			return v, mark
		}
	}
}

// lasting tells whether a violation stays one, whatever comes: not so a ghost, or a message that is still under way.
func lasting(v history.Violation) bool {
	return v.Law == history.Presence || v.Law == history.Order || v.Law == history.Fence
}

// end closes all clients.
func (l *load) end() {
	l.stop()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var leaving sync.WaitGroup
	for _, a := range l.actors() {
		leaving.Go(func() {
			a.stall(false)
			a.leave(ctx)
		})
	}
	leaving.Wait()
	l.life()
	l.senders.Wait()
	for _, c := range l.couples {
		c.wait()
	}
}

func newRoomID() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
