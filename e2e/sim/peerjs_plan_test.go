package sim_test

import (
	"slices"
	"time"
)

// idPlan is a PeerJS id that is in use.
type idPlan struct{ user string }

// callerKinds are what the page of a PeerJS client does.
var callerKinds = []kind{doSend, doCut, doVanish, doStall, doLeave, doAgain, doQuit, doRefresh, doRemove, doRevoke, doRival, doFlap, doFlap, doFlap}

// drawCallers adds the PeerJS clients, if there are any: behind all else, by draws of their own.
func (p *plan) drawCallers(only []kind) {
	w := &world{seed: p.seed}
	d := &dice{w: w, of: name("peerjs")}
	if !d.chance(0.5) {
		return
	}
	named := d.chance(0.3)
	for i := range 2 + d.upTo(2) {
		id := idPlan{}
		if named {
			id.user = callerID(i) + "'s"
		}
		p.ids = append(p.ids, id)
	}
	first := p.places()
	add := func(i item) {
		i.number = len(p.items)
		p.items = append(p.items, i)
	}
	for m := range p.ids {
		for at := d.even(0, 4*time.Second); at < troubled; at += d.between(500*time.Millisecond, 12*time.Second) {
			n := 1 + d.upTo(4)
			if d.chance(0.05) {
				n = 20
			}
			add(item{at: at, kind: doSend, member: first + m, n: n})
		}
	}
	for range 2 + d.upTo(4*len(p.ids)) {
		k := callerKinds[1+d.upTo(len(callerKinds)-1)]
		add(item{at: d.even(0, troubled), lasts: d.between(50*time.Millisecond, 25*time.Second), kind: k, member: first + d.upTo(len(p.ids)), n: 2 + d.upTo(5)})
	}
	if kinds := []kind{expire, reshard}; d.chance(0.2) {
		if only != nil {
			kinds = slices.DeleteFunc(kinds, func(k kind) bool { return !slices.Contains(only, k) })
		}
		if len(kinds) > 0 {
			i := drawFault(d, p, kinds[d.upTo(len(kinds))])
			i.member = len(p.rooms) + d.upTo(len(p.ids))
			add(i)
		}
	}
}

// places is how many members there are.
func (p *plan) places() (n int) {
	for _, r := range p.rooms {
		n += len(r.members)
	}
	return n
}
