//go:build linux

package scenario

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// returners are wallets that speak rejoin.v1, lose their connections, and come back to find what plain extensions have sent
// meanwhile: the driver and handler of the resume load. The phases are begun from outside, on the loop; each closes done.
//
//	meet ──► leave ──► fill ──► comeBack ──► leave ──► …
type returners struct {
	run      string
	servers  []netip.AddrPort
	waiting  int // messages for each
	loop     *swarm.Loop
	ramp     ramp
	all      []returner
	letters  traffic.Letters
	scratch  []byte
	tally    traffic.Tally
	cause    cause
	round    int
	resuming bool
	left     int  // of this phase
	broken   bool // a connection failed that a later phase needs
	done     chan struct{}
	times    report.Histogram
	first    int64 // dial of a phase
	last     int64 // replayed message of a phase
}

// returner is a wallet with its extension.
type returner struct {
	wallet, extension *swarm.Conn
	id                [36]byte // the wallet's
	known             bool
	met               uint8  // who of the two has all it needs: bit 0 the extension, bit 1 the wallet
	seq               uint32 // of the next message
	confirmed         uint32
	ledger            traffic.Ledger
	token             string
	entry             []byte // last received
	due               int64
	left              int // to be replayed; -1: no session yet
}

func newReturners(run string, servers []netip.AddrPort, count, waiting int, began time.Time) (*returners, error) {
	r := &returners{
		run: run, servers: servers, waiting: waiting, all: make([]returner, count), letters: traffic.NewLetters(traffic.Extension),
		times: report.NewHistogram(),
	}
	var err error
	r.loop, err = swarm.New(began, r)
	return r, err
}

// Tick implements swarm.Driver.
func (r *returners) Tick(now int64) int64 { return r.ramp.tick(now) }

// phase begins something that a number of clients have to do.
func (r *returners) phase(count int) <-chan struct{} {
	r.left, r.done = count, make(chan struct{})
	return r.done
}

func (r *returners) one() {
	if r.left--; r.left == 0 && !r.broken {
		close(r.done)
	}
}

// meet connects all: 2i is the extension of pair i, 2i+1 the wallet, on the next instance.
func (r *returners) meet(pending int) <-chan struct{} {
	r.ramp = ramp{total: 2 * len(r.all), limit: pending, dial: func(n int, _ int64) error {
		if n%2 == 1 {
			return r.dialWallet(n/2, traffic.RejoinV1.Protocols())
		}
		addr := r.servers[n/2%len(r.servers)]
		request := swarm.Request(addr.String(), traffic.Target(r.run, n/2, traffic.Extension), "")
		c, err := r.loop.Dial(addr, swarm.Source(n), request, r, n)
		r.all[n/2].extension = c
		return err
	}}
	return r.phase(len(r.all))
}

func (r *returners) dialWallet(i int, protocols string) error {
	addr := r.servers[(i+1+r.round)%len(r.servers)]
	request := swarm.Request(addr.String(), traffic.Target(r.run, i, traffic.Wallet), protocols)
	c, err := r.loop.Dial(addr, swarm.Source(2*i+1), request, r, 2*i+1)
	r.all[i].wallet = c
	return err
}

// leave cuts the wallets' connections.
func (r *returners) leave() {
	for i := range r.all {
		r.all[i].wallet.Reset()
	}
}

// fill has every extension send what is to wait for its wallet.
func (r *returners) fill() <-chan struct{} {
	done := r.phase(len(r.all))
	for i := range r.all {
		r.send(i)
	}
	return done
}

// send sends an offer and then its candidates: a second offer would supersede them (S1.2).
func (r *returners) send(i int) {
	c := &r.all[i]
	now := r.loop.Now()
	stamp := traffic.Stamp{Seq: c.seq, Sender: uint16(i), Due: now, Written: now}
	if int(c.seq)%r.waiting == 0 {
		c.extension.Send(r.letters.Offer(stamp, &c.id))
	} else {
		c.extension.Send(r.letters.Candidate(stamp, &c.id))
	}
	c.seq++
	r.tally.Sent++
}

// comeBack resumes all sessions, each on the instance after the one that it was on.
func (r *returners) comeBack(interval int64, pending int) <-chan struct{} {
	r.round++
	r.resuming = true
	r.ramp = ramp{total: len(r.all), limit: pending, interval: interval, dial: func(i int, due int64) error {
		c := &r.all[i]
		c.due, c.left = due, -1
		protocols := "rejoin.v1, rejoin.resume." + c.token
		if c.entry != nil {
			protocols += ", rejoin.after." + string(c.entry)
		}
		return r.dialWallet(i, protocols)
	}}
	r.first = r.loop.Now()
	r.ramp.begin(r.first)
	return r.phase(len(r.all))
}

// Opened implements swarm.Handler.
func (r *returners) Opened(*swarm.Conn) {
	if !r.resuming {
		r.ramp.settled()
	}
}

// Closed implements swarm.Handler.
func (r *returners) Closed(c *swarm.Conn, end error) {
	if r.resuming && c.Tag%2 == 1 && r.all[c.Tag/2].left != 0 {
		r.failed(c.Tag/2, end.Error())
		return
	}
	r.tally.Disconnected++
	r.cause.note(end.Error())
	if r.left > 0 && !r.resuming {
		r.broken = true
		r.left = 0
		close(r.done)
	}
}

// failed ends a resume that did not come about.
func (r *returners) failed(i int, why string) {
	r.cause.note(why)
	r.all[i].left = 0
	r.tally.Failed++
	r.ramp.settled()
	r.one()
}

// Message implements swarm.Handler.
func (r *returners) Message(conn *swarm.Conn, b []byte) {
	i, isWallet := conn.Tag/2, conn.Tag%2 == 1
	switch kind := traffic.KindOf(b); {
	case kind == traffic.Session && isWallet:
		r.session(i, b)
	case kind == traffic.Data && isWallet:
		r.receive(i, b)
	case kind == traffic.PeerIsHere && isWallet:
		r.meets(i, 2)
	case kind == traffic.PeerIsHere:
		r.meetWallet(i, b)
	case kind == traffic.Confirmation && !isWallet:
		r.confirm(i, b)
	case kind == traffic.Refusal:
		r.tally.Refused++
		r.cause.note(string(b))
		r.one()
	default:
		r.tally.Unexpected++
		r.cause.note(string(b))
	}
}

func (r *returners) session(i int, b []byte) {
	c := &r.all[i]
	c.token = string(traffic.Field(b, "resumeToken"))
	if !r.resuming {
		if traffic.Field(b, "remoteClientId") != nil {
			r.meets(i, 2)
		}
		return
	}
	replay, err := strconv.Atoi(string(traffic.Field(b, "replay")))
	if err != nil || string(traffic.Field(b, "resumed")) != "true" || replay != r.waiting || c.left >= 0 {
		r.failed(i, fmt.Sprintf("session frame with resumed %s, reason %q, replay %q, superseded %q",
			traffic.Field(b, "resumed"), traffic.Field(b, "reason"), traffic.Field(b, "replay"), traffic.Field(b, "superseded")))
		return
	}
	if c.left = replay; replay == 0 {
		r.back(i)
	}
}

func (r *returners) meetWallet(i int, b []byte) {
	c := &r.all[i]
	id := traffic.Field(b, "remoteClientId")
	if c.known || len(id) != len(c.id) {
		r.tally.Unexpected++
		return
	}
	copy(c.id[:], id)
	c.known = true
	r.meets(i, 1)
}

func (r *returners) meets(i int, who uint8) {
	c := &r.all[i]
	if c.met&who != 0 {
		r.tally.Unexpected++
		return
	}
	if c.met |= who; c.met == 3 {
		r.one()
	}
}

func (r *returners) confirm(i int, b []byte) {
	c := &r.all[i]
	if s, ok := traffic.ConfirmedStamp(b); !ok || s.Seq != c.confirmed {
		r.tally.Unexpected++
	}
	c.confirmed++
	r.tally.Confirmed++
	if int(c.seq)%r.waiting != 0 {
		r.send(i)
		return
	}
	r.one()
}

func (r *returners) receive(i int, b []byte) {
	c := &r.all[i]
	s, ok := traffic.DataStamp(b)
	entry := traffic.EntryID(b)
	switch {
	case !ok || entry == nil:
		r.tally.Unexpected++
		return
	case s.Sender != uint16(i):
		r.tally.Misdirected++
		return
	}
	c.ledger.Take(s.Seq, &r.tally)
	c.entry = append(c.entry[:0], entry...)
	if c.left <= 0 {
		r.tally.Unexpected++ // more than the session frame said
		return
	}
	if c.left--; c.left == 0 {
		r.back(i)
	}
}

// back ends a resume that went well. The client acknowledges at once (R4.4).
func (r *returners) back(i int) {
	c := &r.all[i]
	r.last = r.loop.Now()
	r.times.Record(time.Duration(r.last - c.due))
	entry := c.entry
	if entry == nil {
		entry = []byte("0-0")
	}
	r.scratch = traffic.AppendAck(r.scratch[:0], entry)
	c.wallet.Send(r.scratch)
	r.ramp.settled()
	r.one()
}
