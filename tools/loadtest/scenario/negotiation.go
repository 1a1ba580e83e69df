//go:build linux

package scenario

import (
	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// negotiation is a pair's: the extension sends an offer with its candidates, the wallet answers it with an answer and its own. A pair
// has one at a time, so that no offer replaces another one in a mailbox (S1.2).
type negotiation struct {
	wanted bool // as soon as both are there
	left   int  // messages that have not arrived
	due    int64
}

// share is how many messages each of a pair sends.
func (u *users) share() uint32 { return 1 + uint32(u.Candidates) }

// opens reports whether a message is an offer or an answer.
func (u *users) opens(s traffic.Stamp) bool { return s.Seq%u.share() == 0 }

// want has a pair negotiate when it can.
func (u *users) want(pair int) {
	if n := &u.pairs[pair]; !n.wanted {
		n.wanted = true
		u.wanted++
	}
}

// begin begins a negotiation that is wanted, when both are in and know each other.
func (u *users) begin(pair int) {
	n := &u.pairs[pair]
	if n.wanted && n.left == 0 && u.present(2*pair) && u.present(2*pair+1) {
		n.wanted = false
		u.wanted--
		u.negotiate(pair, u.loop.Now())
	}
}

func (u *users) present(i int) bool { return u.all[i].where == in && u.all[i].known }

func (u *users) negotiate(pair int, due int64) {
	u.pairs[pair].left, u.pairs[pair].due = int(2*u.share()), due
	u.negotiating++
	for range u.share() {
		u.send(2*pair, due)
	}
}

// progress takes a message that arrived for the first time.
func (u *users) progress(i int, s traffic.Stamp, now int64) {
	if i%2 == int(traffic.Wallet) && u.opens(s) {
		for range u.share() {
			u.send(i, now)
		}
	}
	if s.Seq == 0 && i%2 == int(traffic.Extension) {
		u.now.record(latFirstAnswer, now-max(u.all[i].due, u.all[i^1].due))
	}
	n := &u.pairs[i/2]
	if n.left--; n.left != 0 {
		return
	}
	u.negotiating--
	u.now.Negotiated++
	if n.due >= max(u.all[i].since, u.all[i^1].since) {
		u.now.record(latNegotiation, now-n.due)
	}
	u.begin(i / 2)
}

// restart begins an ICE restart where it can. The wallet of a rejoin.v1 pair may be away: its mailbox is there.
func (u *users) restart(pair int, due int64) {
	n := &u.pairs[pair]
	if !n.wanted && n.left == 0 && u.present(2*pair) && (u.Dialect == traffic.RejoinV1 || u.present(2*pair+1)) {
		u.negotiate(pair, due)
	}
}

// wantNow has a pair negotiate, now or when it can.
func (u *users) wantNow(pair int, _ int64) {
	u.want(pair)
	u.begin(pair)
}

// rota has pairs take their turns at a rate, in an order that is always the same.
type rota struct {
	interval int64 // 0: all at once when it is for once, else never
	pairs    []int
	once     bool
	on       bool
	due      int64
	next     int
}

func (r *rota) begin(now int64) {
	r.on, r.due = (r.interval > 0 || r.once) && len(r.pairs) > 0, now
}

// tick has those do something who are due, and returns when the next one is.
func (r *rota) tick(now int64, do func(pair int, due int64)) int64 {
	for r.on && r.due <= now {
		do(r.pairs[r.next], r.due)
		r.due += r.interval
		if r.next++; r.next == len(r.pairs) {
			r.next, r.on = 0, !r.once
		}
	}
	if !r.on {
		return swarm.Never
	}
	return r.due
}
