//go:build linux

package scenario

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// usersConfig is a job: users who come in pairs of an extension and a wallet, negotiate, and stay.
type usersConfig struct {
	Servers    []netip.AddrPort `json:"servers"`
	Run        string           `json:"run"`   // names the rooms
	First      int              `json:"first"` // pair among those of all workers
	Pairs      int              `json:"pairs"`
	Dialect    traffic.Dialect  `json:"dialect"`
	Interval   int64            `json:"interval_ns"` // from one user to the next; 0: none
	Pending    int              `json:"pending"`
	Candidates int              `json:"candidates"`  // behind an offer or an answer
	Restart    int64            `json:"restart_ns"`  // from one ICE restart to the next, while they are ordered; 0: none
	Again      int64            `json:"again_ns"`    // from one pair that was cut to the next that negotiates again; 0: none
	BackOff    int64            `json:"back_off_ns"` // longest that a user waits before the first attempt to come back
	Cut        int              `json:"cut"`         // users that orderCut cuts
}

// What users can be told.
const (
	orderRestart order = "restart" // pairs negotiate again, at a rate
	orderRest    order = "rest"    // no more of them
	orderCut     order = "cut"     // connections break, and their users come back
	orderAgain   order = "again"   // pairs that were cut negotiate again, at a rate
)

// whereabouts of a user.
//
//	absent ──► dialling ──► opened ──► in ──► cut: absent
//	              ▲ ▲          │       └───► ended by the server: lost
//	              │ └─ later ──┘
//	              └─ too often: lost
type whereabouts uint8

const (
	absent whereabouts = iota
	dialling
	opened // the upgrade was accepted
	in     // rejoin.v1: has its session; plain: knows its peer
	lost
)

// maxTries is how often a user is told to come later before it gives up.
const maxTries = 12

// user is one of a pair.
type user struct {
	client
	where   whereabouts
	cut     bool  // and not back
	tries   uint8 // to come in, after the first
	waits   bool  // to send again what has no answer
	repeats bool  // has done so
	token   string
	outbox  []traffic.Stamp // what has no answer yet, oldest first
	replay  int             // messages that the session frame promised
	due     int64           // when its way in began
	since   int64           // when it came in
}

// users is the driver and handler of a worker's share.
type users struct {
	usersConfig
	loop      *swarm.Loop
	ramp      ramp
	all       []user // of pair i: 2i the extension, 2i+1 the wallet
	pairs     []negotiation
	letters   [2]traffic.Letters
	timetable timetable // of users that come later, or come back
	repeats   timetable // of users that send again
	random    *rand.Rand
	restarts  rota // pairs that negotiate again while all is well
	again     rota // pairs that were cut
	nextAck   int64
	cutAt     int64
	cuts      int
	err       error // of this machine

	in          int // users
	negotiating int // pairs
	wanted      int // pairs that negotiate once both are in
	now         lap
}

func newUsers(c usersConfig, began time.Time) (*users, error) {
	u := &users{
		usersConfig: c, all: make([]user, 2*c.Pairs), pairs: make([]negotiation, c.Pairs), random: rand.New(rand.NewPCG(uint64(c.First), 1)),
		letters: [2]traffic.Letters{traffic.Extension: traffic.NewLetters(traffic.Extension), traffic.Wallet: traffic.NewLetters(traffic.Wallet)},
		now:     lap{Times: map[string][]time.Duration{}}, wanted: c.Pairs,
	}
	for i := range u.pairs {
		u.pairs[i].wanted = true
	}
	u.restarts, u.again = rota{interval: c.Restart, pairs: u.random.Perm(c.Pairs)}, rota{interval: c.Again, once: true}
	u.ramp = ramp{total: len(u.all), limit: c.Pending, interval: c.Interval, dial: u.arrive}
	var err error
	u.loop, err = swarm.New(began, u)
	return u, err
}

func (u *users) swarm() *swarm.Loop { return u.loop }

func (u *users) order(o order) {
	u.now.Orders++
	switch o {
	case orderRestart:
		u.restarts.begin(u.loop.Now())
	case orderRest:
		u.restarts.on = false
	case orderCut:
		u.cut(u.loop.Now())
	case orderAgain:
		u.again.begin(u.loop.Now())
	}
}

// Tick implements swarm.Driver.
func (u *users) Tick(now int64) int64 {
	next := min(u.ramp.tick(now), u.comeBack(now), u.repeat(now), u.restarts.tick(now, u.restart), u.again.tick(now, u.wantNow))
	if u.Dialect == traffic.RejoinV1 {
		if now >= u.nextAck {
			for i := range u.all {
				u.all[i].ackOld(now)
			}
			u.nextAck = now + ackLook
		}
		next = min(next, u.nextAck)
	}
	return next
}

// arrive brings a user for the first time.
func (u *users) arrive(i int, due int64) error {
	u.all[i].due = due
	return u.dial(i, due)
}

// dial has a user try to come in: the wallet on the instance after its extension's, and each time on the next one.
func (u *users) dial(i int, due int64) error {
	x := &u.all[i]
	u.now.record(latLate, u.loop.Now()-due)
	n := 2*u.First + i
	addr := u.Servers[(n/2+i%2+u.cuts+int(x.tries))%len(u.Servers)]
	protocols := u.Dialect.Protocols()
	if x.token != "" {
		protocols += ", rejoin.resume." + x.token
		if x.entries > 0 {
			protocols += ", rejoin.after." + string(x.entry[:x.entries])
		}
	}
	request := swarm.Request(addr.String(), traffic.Target(u.Run, n/2, traffic.Role(i%2)), protocols)
	c, err := u.loop.Dial(addr, swarm.Source(n), request, u, i)
	x.conn, x.where = c, dialling
	return err
}

// Opened implements swarm.Handler.
func (u *users) Opened(c *swarm.Conn) {
	x := &u.all[c.Tag]
	x.where = opened
	u.now.Opened++
	u.now.record(latUpgrade, u.loop.Now()-x.due)
	u.settled(x)
}

// settled tells the ramp of a first attempt's outcome.
func (u *users) settled(x *user) {
	if x.tries == 0 && u.cuts == 0 {
		u.ramp.settled()
	}
}

// Closed implements swarm.Handler.
func (u *users) Closed(c *swarm.Conn, end error) {
	x := &u.all[c.Tag]
	was := x.where
	x.where = absent
	switch was {
	case in:
		u.in--
		u.now.Opened--
		u.now.Tally.Disconnected++
		u.lose(x, end.Error())
		return
	case opened:
		u.now.Opened--
	default:
		u.settled(x)
	}
	u.later(c.Tag, end)
}

// later has a user that was refused try again.
func (u *users) later(i int, why error) {
	x := &u.all[i]
	u.now.Later++
	if x.tries++; x.tries > maxTries {
		u.now.Tally.Failed++
		u.lose(x, why.Error())
		return
	}
	var answer *swarm.StatusError
	wait := time.Duration(0)
	if errors.As(why, &answer) {
		wait = answer.RetryAfter
	}
	const longest = int64(10 * time.Second)
	u.timetable.add(u.loop.Now()+int64(wait)+u.random.Int64N(1+min(u.BackOff<<x.tries, longest)), i)
}

// lose gives a user up.
func (u *users) lose(x *user, why string) {
	x.where = lost
	u.now.Lost++
	if x.cut {
		x.cut = false
		u.now.Away--
	}
	u.note(why)
}

func (u *users) note(what string) { (*cause)(&u.now.Cause).note(what) }

// comeBack dials for the users whose time has come.
func (u *users) comeBack(now int64) int64 {
	for u.err == nil && u.timetable.next() <= now {
		e := u.timetable.take()
		u.err = u.dial(e.user, e.at)
	}
	return u.timetable.next()
}

// cut breaks connections all at once, as a network does that goes away.
func (u *users) cut(now int64) {
	u.cutAt = now
	u.cuts++
	for _, i := range u.random.Perm(len(u.all))[:min(u.Cut, len(u.all))] {
		x := &u.all[i]
		if x.where != in {
			continue
		}
		x.conn.Reset()
		x.where, x.cut, x.tries, x.unacked = absent, true, 0, 0
		if u.Dialect == traffic.Plain {
			x.known = false
		}
		u.in--
		u.now.Opened--
		u.now.Away++
		x.due = now + u.random.Int64N(1+u.BackOff)
		u.timetable.add(x.due, i)
		u.again.pairs = append(u.again.pairs, i/2)
	}
	slices.Sort(u.again.pairs)
	u.again.pairs = slices.Compact(u.again.pairs)
}

// enter lets a user in.
func (u *users) enter(i int) {
	x := &u.all[i]
	x.where, x.since, x.tries = in, u.loop.Now(), 0
	u.in++
	if x.cut && x.replay == 0 {
		u.back(x)
	}
	u.begin(i / 2)
}

// back ends a user's absence: it is in, and has received what was waiting for it.
func (u *users) back(x *user) {
	now := u.loop.Now()
	x.cut = false
	u.now.Away--
	u.now.record(latResume, now-x.due)
	u.now.record(latAway, now-u.cutAt)
	u.now.BackAfter = time.Duration(now - u.cutAt)
}

// state implements job.
func (u *users) state() any {
	told := u.now
	u.now.Times = map[string][]time.Duration{}
	if err := errors.Join(u.ramp.err, u.err); err != nil {
		told.Error = err.Error()
	}
	told.Again = u.again.on
	told.Settled = u.in == len(u.all) && u.negotiating == 0 && u.wanted == 0 && !u.again.on && told.Away == 0 && told.Tally.Unanswered() == 0
	return told
}

// sender is a user's number in all workers, as its stamps have it.
func (u *users) sender(i int) uint16 { return uint16(2*u.First + i) }

func (u *users) unexpected(what string, b []byte) {
	u.now.Tally.Unexpected++
	u.note(fmt.Sprintf("%s: %s", what, b))
}
