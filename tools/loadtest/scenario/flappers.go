//go:build linux

package scenario

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/protocol"
	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// flappersConfig is a job: pairs who send to each other while their connections are cut, again and again. Durations in nanoseconds.
type flappersConfig struct {
	Servers  []netip.AddrPort `json:"servers"`
	Run      string           `json:"run"`   // names the rooms
	First    int              `json:"first"` // pair among those of all workers
	Pairs    int              `json:"pairs"`
	Protocol protocol.Name    `json:"protocol"`
	Pending  int              `json:"pending"`
	Interval int64            `json:"interval_ns"` // from one message of all to the next
	Every    int64            `json:"every_ns"`    // least time from a return to the next cut; 0: no cuts
	Spread   int64            `json:"spread_ns"`   // random time more than that
	Offline  int64            `json:"offline_ns"`  // from a cut to the next attempt to connect
	BackOff  int64            `json:"back_off_ns"` // longest random delay when the server ended the connection
}

// What flappers can be told.
const (
	orderFlap order = "flap" // messages are sent, and connections are cut
	orderCalm order = "calm" // neither
)

// flapper is one of a pair. It implements protocol.Listener for its connections.
//
//	away ──► dialling ──► opened ──► ready ──► cut, or ended by the server: away
//	            │                      └─ asked to move: the next connection opens beside this one
//	            └─ refused: away
type flapper struct {
	protocol.Client
	all  *flappers
	i    int
	conn *swarm.Conn // nil: away
	next *swarm.Conn // will replace conn, which works meanwhile; nil: none
	from *swarm.Conn // that is being read

	ready  bool  // to send
	in     bool  // conn has been ready
	been   bool  // in, some time
	tries  uint8 // since it was in
	hops   int   // number of the next attempt, which chooses its server
	cutAt  int64 // 0: not away because of a cut
	dialed int64 // when conn was
	// When it is to be dialled, cut, or moved: entries of the timetables with other times are out of date.
	returns, cuts, moves int64

	seq    uint32
	queue  []int64         // when messages were due that could not be sent yet
	outbox []traffic.Stamp // sent, without an answer, oldest first
	ledger traffic.Ledger
	resent resent
}

// resent are the messages that were sent again on the latest connection.
type resent struct {
	from, to uint32 // sequence numbers, to is excluded
	dialed   int64
}

// flappers is the driver and handler of a worker's share.
type flappers struct {
	flappersConfig
	loop    *swarm.Loop
	ramp    ramp
	all     []flapper // of pair i: 2i the extension, 2i+1 the wallet
	letters [2]traffic.Letters
	random  *rand.Rand
	senders []int // of senders
	turn    int
	on      bool  // messages are sent
	due     int64 // of the next one
	nextAck int64
	returns timetable
	cuts    timetable
	moves   timetable
	repeats timetable
	err     error // of this machine

	readyNow int
	queued   int
	unasked  int // messages without an answer
	now      lap
}

func newFlappers(c flappersConfig, began time.Time) (*flappers, error) {
	f := &flappers{
		flappersConfig: c, all: make([]flapper, 2*c.Pairs), random: rand.New(rand.NewPCG(uint64(c.First), 3)),
		letters: [2]traffic.Letters{traffic.Extension: traffic.NewLetters(traffic.Extension).Kept(), traffic.Wallet: traffic.NewLetters(traffic.Wallet).Kept()},
		now:     lap{Times: map[string][]time.Duration{}},
	}
	for i := range f.all {
		role := traffic.Role(i % 2)
		f.all[i] = flapper{all: f, i: i, Client: protocol.New(c.Protocol, c.Run, c.First+i/2, role, &f.letters[role])}
	}
	f.senders = f.random.Perm(len(f.all))
	f.ramp = ramp{total: len(f.all), limit: c.Pending, dial: func(i int, _ int64) error { return f.all[i].dial(&f.all[i].conn) }}
	var err error
	f.loop, err = swarm.New(began, f)
	return f, err
}

func (f *flappers) swarm() *swarm.Loop { return f.loop }

func (f *flappers) order(o order) {
	f.now.Orders++
	now := f.loop.Now()
	f.on = o == orderFlap
	f.due = now
	for i := range f.all {
		x := &f.all[i]
		x.cuts = 0
		if f.on && f.Every > 0 { // the first cut as if it had been going on for ever
			x.cutBefore(now, f.Every+f.Spread/2)
		}
	}
}

// Tick implements swarm.Driver.
func (f *flappers) Tick(now int64) int64 {
	next := f.ramp.tick(now)
	for f.on && f.due <= now {
		f.all[f.senders[f.turn]].put(f.due)
		f.turn = (f.turn + 1) % len(f.senders)
		f.due += f.Interval
	}
	if f.on {
		next = min(next, f.due)
	}
	if now >= f.nextAck {
		for i := range f.all {
			if x := &f.all[i]; x.in {
				x.Tick(x.conn, now)
			}
		}
		f.nextAck = now + ackLook
	}
	next = min(next, f.nextAck)
	next = min(next, f.tend(&f.cuts, now, (*flapper).cut))
	next = min(next, f.tend(&f.returns, now, (*flapper).comeBack))
	next = min(next, f.tend(&f.moves, now, (*flapper).move))
	return min(next, f.tend(&f.repeats, now, (*flapper).repeat))
}

// tend does what is due in a timetable, and returns when to look again.
func (f *flappers) tend(t *timetable, now int64, do func(*flapper, int64)) int64 {
	for f.err == nil && t.next() <= now {
		e := t.take()
		do(&f.all[e.user], e.at)
	}
	return t.next()
}

// Opened implements swarm.Handler.
func (f *flappers) Opened(c *swarm.Conn) {
	x := &f.all[c.Tag]
	f.now.record(latUpgrade, f.loop.Now()-x.dialed)
	if !x.been && x.tries == 0 {
		f.ramp.settled()
	}
	x.Client.Opened(c)
}

// Message implements swarm.Handler.
func (f *flappers) Message(c *swarm.Conn, b []byte) {
	x := &f.all[c.Tag]
	x.from = c
	x.Read(c, b, f.loop.Now(), x)
}

// Closed implements swarm.Handler. An old connection that was replaced is of no interest.
func (f *flappers) Closed(c *swarm.Conn, end error) {
	x := &f.all[c.Tag]
	var answer *swarm.StatusError
	wait := time.Duration(0)
	if errors.As(end, &answer) {
		wait = answer.RetryAfter
	}
	switch c {
	case x.next:
		x.next = nil
		if x.conn != nil {
			x.moves = f.loop.Now() + f.random.Int64N(1+f.BackOff/4)
			f.moves.add(x.moves, x.i)
		}
	case x.conn:
		if !x.been && x.tries == 0 && !x.in {
			f.ramp.settled()
		}
		was := x.in
		if was {
			f.now.Ended++
		}
		x.leave()
		if x.conn, x.next = x.next, nil; x.conn == nil {
			x.later(wait, was, end)
		}
	}
}

// state implements job.
func (f *flappers) state() any {
	told := f.now
	f.now.Times = map[string][]time.Duration{}
	if err := errors.Join(f.ramp.err, f.err); err != nil {
		told.Error = err.Error()
	}
	told.Opened, told.Away = f.readyNow, len(f.all)-f.readyNow
	told.Waiting = f.queued + f.unasked
	told.Settled = told.Away == 0 && told.Waiting == 0 && f.now.Tally.Lost() == 0
	return told
}
