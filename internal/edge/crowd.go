package edge

import (
	"net/netip"

	"github.com/rejoin-dev/rejoin/internal/address"
)

// crowd is the sockets of one loop that are no open connections: those whose heads are not complete, and those that are being closed.
// It is owned by the loop. When there are too many one has to give way to a newcomer, so that whoever opens sockets and says
// nothing keeps nobody out:
//
//	too many                        gives way
//	sockets, or heads in this loop  the oldest that is being closed: it has had its answer
//	                                else the oldest head of the newcomer's address, if that has more than the oldest head's has
//	                                else the oldest head
//	heads of one address            the oldest of that address
type crowd struct {
	heads   line // oldest first
	closing line
	from    map[netip.Addr]line // the heads of each address; trusted proxies, which bring many clients each, are not counted
}

// line is connections at work in the order in which they came.
type line struct {
	first, last *work
	n           int
}

// The lines that a work may stand in.
const (
	inCrowd   = iota // heads, or closing
	inAddress        // from
	lineCount
)

// link is where a work stands in a line.
type link struct{ before, after *work }

func (l *line) push(w *work, in int) {
	w.links[in] = link{before: l.last}
	if l.last != nil {
		l.last.links[in].after = w
	} else {
		l.first = w
	}
	l.last = w
	l.n++
}

func (l *line) remove(w *work, in int) {
	at := w.links[in]
	if at.before != nil {
		at.before.links[in].after = at.after
	} else {
		l.first = at.after
	}
	if at.after != nil {
		at.after.links[in].before = at.before
	} else {
		l.last = at.before
	}
	w.links[in] = link{}
	l.n--
}

// join lines up one whose head is awaited.
func (c *crowd) join(w *work, peer netip.Addr) {
	w.line, w.peer = &c.heads, peer
	c.heads.push(w, inCrowd)
	if peer.IsValid() {
		of := c.from[peer]
		of.push(w, inAddress)
		c.from[peer] = of
	}
}

// linger lines up one that is being closed.
func (c *crowd) linger(w *work) {
	w.line = &c.closing
	c.closing.push(w, inCrowd)
}

// part takes a work out of all lines.
func (c *crowd) part(w *work) {
	if w.line == nil {
		return
	}
	w.line.remove(w, inCrowd)
	w.line = nil
	if !w.peer.IsValid() {
		return
	}
	of := c.from[w.peer]
	of.remove(w, inAddress)
	if of.n > 0 {
		c.from[w.peer] = of
	} else {
		delete(c.from, w.peer)
	}
	w.peer = netip.Addr{}
}

// counted returns what a peer's heads are counted by: its network, the zero address for a trusted proxy.
func (a *addresses) counted(peer netip.Addr) netip.Addr {
	if !peer.IsValid() || address.IsIn(peer, a.trusted) {
		return netip.Addr{}
	}
	return address.Client(peer, nil, nil)
}

// Heads that one address may have at a time in one loop when there is a limit on its connections, at least.
const leastHeads = 8

// room makes room for a newcomer from peer. It reports false if nothing of this loop can give way.
func (l *loop) room(peer netip.Addr) bool {
	srv := l.srv
	if of := l.crowd.from[peer]; peer.IsValid() && srv.clients.most > 0 && of.n >= max(leastHeads, srv.clients.most) {
		l.giveWay(of.first)
	}
	for srv.sockets.Load() > srv.maxSockets || l.crowd.heads.n >= srv.maxHeads {
		w := l.crowd.next(peer)
		if w == nil {
			return false
		}
		l.giveWay(w)
	}
	return true
}

// next returns who gives way next to a newcomer from peer, nil if nobody.
func (c *crowd) next(peer netip.Addr) *work {
	if w := c.closing.first; w != nil {
		return w
	}
	w := c.heads.first
	if w == nil {
		return nil
	}
	if own := c.from[peer]; own.n > c.from[w.peer].n {
		return own.first
	}
	return w
}

// giveWay closes a connection of the crowd; a head that is complete by now is answered as usual.
func (l *loop) giveWay(w *work) {
	l.enter()
	defer l.leave()
	c := w.conn
	if c.state == stateHead {
		l.look(c)
	}
	switch c.state {
	case stateHead:
		c.turnAway(dropCrowded)
	case stateClosing:
		c.drop(dropCrowded)
	case stateOpen, stateDead:
	}
}
