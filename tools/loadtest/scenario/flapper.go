//go:build linux

package scenario

import (
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/protocol"
	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// dial opens a connection: the wallet's to the instance after its extension's, and each time to the next one.
func (x *flapper) dial(into **swarm.Conn) error {
	f := x.all
	n := 2*f.First + x.i
	addr := f.Servers[(n/2+x.i%2+x.hops)%len(f.Servers)]
	x.hops++
	x.dialed = f.loop.Now()
	c, err := f.loop.Dial(addr, swarm.Source(n), x.Upgrade(addr.String()), f, x.i)
	*into = c
	return err
}

// cutBefore has the connection cut at a random time within a while.
func (x *flapper) cutBefore(now, within int64) {
	x.cuts = now + x.all.random.Int64N(within)
	x.all.cuts.add(x.cuts, x.i)
}

// cut breaks the connection, as a network does that goes away.
func (x *flapper) cut(at int64) {
	f := x.all
	if at != x.cuts || !x.in {
		return
	}
	f.now.Cuts++
	for _, c := range []*swarm.Conn{x.conn, x.next} {
		if c != nil {
			c.Reset()
		}
	}
	x.leave()
	x.conn, x.next, x.moves = nil, nil, 0
	x.cutAt = at
	x.returns = at + f.Offline
	f.returns.add(x.returns, x.i)
}

// leave ends what a connection had.
func (x *flapper) leave() {
	if x.ready {
		x.all.readyNow--
	}
	x.ready, x.in, x.cuts = false, false, 0
}

// later has a flapper dial again whose connection was refused, or ended by the server. Who was refused tries the other servers at once, as
// a balancer does, and waits only when all have refused.
func (x *flapper) later(wait time.Duration, was bool, why error) {
	f := x.all
	(*cause)(&f.now.Cause).note(why.Error())
	const mostDoubled = 3
	round := int(x.tries) / len(f.Servers)
	delay := int64(wait) + f.random.Int64N(1+f.BackOff<<min(round, mostDoubled))
	if !was {
		f.now.Later++
		x.tries = min(x.tries+1, 100)
		if int(x.tries)%len(f.Servers) > 0 {
			delay = 0
		}
	}
	x.returns = f.loop.Now() + delay
	f.returns.add(x.returns, x.i)
}

func (x *flapper) comeBack(at int64) {
	if at == x.returns && x.conn == nil {
		x.all.err = x.dial(&x.conn)
	}
}

// move opens the connection that will replace this one.
func (x *flapper) move(at int64) {
	if at == x.moves && x.conn != nil && x.next == nil {
		x.all.err = x.dial(&x.next)
	}
}

// put sends a message that is due, or keeps it until it can be sent.
func (x *flapper) put(due int64) {
	if !x.ready {
		x.queue = append(x.queue, due)
		x.all.queued++
		return
	}
	x.send(due)
}

func (x *flapper) send(due int64) {
	f := x.all
	s := traffic.Stamp{Seq: x.seq, Sender: uint16(2*f.First + x.i), Due: due, Written: f.loop.Now()}
	x.seq++
	f.now.Tally.Sent++
	f.unasked++
	x.outbox = append(x.outbox, s)
	x.Send(x.conn, s)
}

// repeat sends again what has no answer, in order.
func (x *flapper) repeat(int64) {
	if !x.ready || len(x.outbox) == 0 {
		return
	}
	x.resent = resent{x.outbox[0].Seq, x.outbox[len(x.outbox)-1].Seq + 1, x.dialed}
	for _, s := range x.outbox {
		x.all.now.Repeated++
		x.Send(x.conn, s)
	}
}

// Ready implements protocol.Listener.
func (x *flapper) Ready(how protocol.Continuity) {
	f := x.all
	if x.from == x.next { // the old connection is fenced by this one
		x.leave()
		x.conn, x.next, x.moves = x.next, nil, 0
	}
	if !x.ready {
		f.readyNow++
	}
	first := !x.in
	x.ready, x.in = true, true
	if first {
		x.enter(how)
	}
	x.repeat(0)
	for _, due := range x.queue {
		x.send(due)
	}
	f.queued -= len(x.queue)
	x.queue = x.queue[:0]
}

// enter begins a connection.
func (x *flapper) enter(how protocol.Continuity) {
	f, now := x.all, x.all.loop.Now()
	if x.been {
		f.now.record(latResume, now-x.dialed)
		if x.cutAt > 0 {
			f.now.record(latAway, now-x.cutAt)
		}
		if how == protocol.Resumed {
			f.now.Resumed++
		} else {
			f.now.Broken++
		}
	}
	x.been, x.cutAt, x.tries = true, 0, 0
	if f.on && f.Every > 0 {
		x.cuts = now + f.Every + f.random.Int64N(1+f.Spread)
		f.cuts.add(x.cuts, x.i)
	}
}

// Unready implements protocol.Listener.
func (x *flapper) Unready() {
	if x.ready {
		x.all.readyNow--
	}
	x.ready = false
}

// Message implements protocol.Listener.
func (x *flapper) Message(s traffic.Stamp) {
	f, now := x.all, x.all.loop.Now()
	peer := &f.all[x.i^1]
	if s.Sender != uint16(2*f.First+peer.i) {
		f.now.Tally.Misdirected++
		return
	}
	before := f.now.Tally.Received
	x.ledger.Take(s.Seq, &f.now.Tally)
	if f.now.Tally.Received == before {
		return
	}
	f.now.record(latOneWay, now-s.Due)
	f.now.record(latWritten, now-s.Written)
	began := max(s.Written, x.dialed)
	if peer.resent.from <= s.Seq && s.Seq < peer.resent.to {
		began = max(began, peer.resent.dialed)
	}
	f.now.record(latReconnect, now-began)
}

// Confirmed implements protocol.Listener. What was sent twice is confirmed twice.
func (x *flapper) Confirmed(s traffic.Stamp) {
	if x.answered(s.Seq) {
		x.all.now.Tally.Confirmed++
	}
}

// Refused implements protocol.Listener.
func (x *flapper) Refused(s traffic.Stamp, retry time.Duration) {
	f := x.all
	if retry >= 0 {
		f.repeats.add(f.loop.Now()+int64(retry), x.i)
		return
	}
	if x.answered(s.Seq) {
		f.now.Tally.Refused++
	}
}

// answered crosses out a message that waits for its answer.
func (x *flapper) answered(seq uint32) bool {
	for i, s := range x.outbox {
		if s.Seq == seq {
			x.outbox = append(x.outbox[:i], x.outbox[i+1:]...)
			x.all.unasked--
			return true
		}
	}
	return false
}

// GoAway implements protocol.Listener.
func (x *flapper) GoAway(within time.Duration) {
	f := x.all
	if x.from == x.conn && x.next == nil {
		x.moves = f.loop.Now() + f.random.Int64N(1+int64(within))
		f.moves.add(x.moves, x.i)
	}
}

// Unexpected implements protocol.Listener.
func (x *flapper) Unexpected(text []byte) {
	x.all.now.Tally.Unexpected++
	(*cause)(&x.all.now.Cause).note(string(text))
}
