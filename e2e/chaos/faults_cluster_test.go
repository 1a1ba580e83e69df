package chaos_test

import (
	"slices"
	"strings"
	"time"

	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// alone is the primary that has no replica.
const alone = 1

func clusterFaults() []fault {
	return []fault{
		{name: "cluster primary killed", store: cluster, kills: true, tail: time.Second, away: true, do: failOverCluster},
		{name: "cluster primary hung for 8 s (SIGSTOP), no replica", store: cluster, do: hangPrimary},
		{name: "cluster primary killed, no replica, started again empty 3 s later", store: cluster, loses: true, do: restartPrimary},
		{name: "slots migrated", store: cluster, do: migrateSlots},
		{name: "slots on their way for seconds, key by key: the room first, or a mailbox", store: cluster, do: creepSlots},
	}
}

func failOverCluster(r *run) {
	r.stack.cluster.Failover()
	r.mended()
	r.stack.cluster.Rejoin()
}

func hangPrimary(r *run) {
	r.beside(alone, func() {
		r.stack.cluster.Pause(alone)
		time.Sleep(8 * time.Second)
		r.stack.cluster.Resume(alone)
	})
}

func restartPrimary(r *run) {
	r.beside(alone, func() {
		r.stack.cluster.Kill(alone)
		time.Sleep(3 * time.Second)
		r.stack.cluster.Start(alone)
	})
}

func migrateSlots(r *run) {
	for range 3 {
		for _, room := range r.load.rooms {
			r.stack.cluster.Migrate(room.tag)
		}
	}
}

// creepSlots moves every room twice, all at a time: half of them the room's hash first and a mailbox a second later, half the other
// way round, and then the other half.
func creepSlots(r *run) {
	for pass := range 2 {
		moves := make([]creep, len(r.load.rooms))
		for i, room := range r.load.rooms {
			moves[i] = newCreep(r, room, (i+pass)%2 == 0)
			moves[i].step(r)
		}
		time.Sleep(time.Second)
		for i := range moves {
			moves[i].step(r)
		}
		time.Sleep(time.Second)
		for _, m := range moves {
			m.Finish()
		}
	}
}

// creep is a room's slot on its way.
type creep struct {
	*redistest.Move
	room  string
	steps []func(key string) bool // which key is next
}

func newCreep(r *run, room room, hashFirst bool) creep {
	isHash := func(key string) bool { return key == room.tag+":m" }
	isMailbox := func(key string) bool { return strings.HasPrefix(key, room.tag+":s:") }
	c := creep{Move: r.stack.cluster.BeginMove(room.tag), room: room.id, steps: []func(string) bool{isHash, isMailbox}}
	if !hashFirst {
		slices.Reverse(c.steps)
	}
	return c
}

// step moves the next key.
func (c *creep) step(r *run) {
	keys := c.Left()
	i := slices.IndexFunc(keys, c.steps[0])
	if i < 0 {
		r.t.Errorf("slot of room %.8s: no such key among %d", c.room, len(keys))
		return
	}
	c.Keys(keys[i])
	c.steps = c.steps[1:]
}

// aside is the time of a fault that only one primary has, as the rooms on the others see it.
type aside struct {
	members  []history.Member
	from, to time.Duration
}

// beside breaks and mends the given primary, with an eye on the rooms that the others have.
func (r *run) beside(primary int, do func()) {
	a := &aside{}
	for _, room := range r.load.rooms {
		if r.stack.cluster.Holder(room.tag) == primary {
			continue
		}
		for _, m := range room.members() {
			a.members = append(a.members, m.member)
		}
	}
	r.struck()
	a.from = r.began
	do()
	r.mended()
	a.to, r.aside = r.since, a
}

// judge tells what the rooms came to, and reports what they noticed: a message that was refused or not answered, or a member that got
// nothing for half of the time. (The load sends many a second to each of them.)
func (a *aside) judge(r *run, mark time.Duration) *outcome {
	_, all := r.load.log.History()
	events := make([]history.Event, 0, len(all))
	for _, e := range all {
		if slices.ContainsFunc(a.members, func(m history.Member) bool { return m.Name == e.Member }) {
			events = append(events, e)
		}
	}
	o := &outcome{Verdict: history.Check(a.members, events, mark)}
	sent, refused, dropped := a.count(events)
	for _, e := range refused {
		r.t.Errorf("beside the fault: %s was told that %s is %v", e.Member, e.Message, e.Kind)
		o.Violations = append(o.Violations, history.Violation{Law: history.Delivery, At: e.At, Text: "refused beside the fault"})
	}
	for _, m := range a.members {
		gap := a.gap(m, events)
		if o.service = max(o.service, gap); gap > (a.to-a.from)/2 {
			r.t.Errorf("beside the fault: %s got nothing for %v", m.Name, gap)
			o.Violations = append(o.Violations, history.Violation{Law: history.Delivery, At: a.from, Text: "a gap beside the fault"})
		}
	}
	r.t.Logf("beside the fault, for %v: %d sent by %d members, %d refused, %d connections lost, the longest time without a message %v",
		(a.to - a.from).Round(time.Millisecond), sent, len(a.members), len(refused), dropped, o.service.Round(time.Millisecond))
	return o
}

// count returns how many messages were sent meanwhile, the refusals of those, and how many connections were opened anew.
func (a *aside) count(events []history.Event) (sent int, refused []history.Event, dropped int) {
	meanwhile := map[string]bool{}
	for _, e := range events {
		during := a.from <= e.At && e.At < a.to
		switch {
		case e.Kind == history.Sent && during:
			sent++
			meanwhile[e.Message] = true
		case e.Kind == history.Opened && during:
			dropped++
		case (e.Kind == history.Refused || e.Kind == history.Unanswered) && meanwhile[e.Message]:
			refused = append(refused, e)
		}
	}
	return sent, refused, dropped
}

// gap is the longest time meanwhile in which a member got nothing.
func (a *aside) gap(m history.Member, events []history.Event) (longest time.Duration) {
	last := a.from
	for _, e := range events[at(events, a.from):at(events, a.to)] {
		if e.Kind == history.Delivered && e.Member == m.Name {
			longest, last = max(longest, e.At-last), e.At
		}
	}
	return max(longest, a.to-last)
}
