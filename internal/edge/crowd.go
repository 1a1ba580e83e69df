package edge

import "net/netip"

// crowd is the sockets of one loop that are not open connections: those whose heads are incomplete, and those that are being closed. It is
// owned by the loop. When there are too many, one is evicted for each newcomer, so a client that opens sockets and says nothing cannot keep
// others out:
//
//	too many                        evicted
//	sockets, or heads in this loop  the oldest that is being closed: it has had its answer
//	                                else the oldest head of the newcomer's address, if that has more than the oldest head's has
//	                                else the oldest head
//	heads of one address            the oldest of that address
type crowd struct {
	heads   line // oldest first
	closing line
	from    map[netip.Addr]line // the heads of each network; trusted proxies, which bring many clients each, are not counted
}

// line is a list of works, oldest first.
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

// addHead adds a connection whose head is awaited.
func (c *crowd) addHead(w *work, from netip.Addr) {
	w.line, w.from = &c.heads, from
	c.heads.push(w, inCrowd)
	if from.IsValid() {
		own := c.from[from]
		own.push(w, inAddress)
		c.from[from] = own
	}
}

// addClosing adds one that is being closed.
func (c *crowd) addClosing(w *work) {
	w.line = &c.closing
	c.closing.push(w, inCrowd)
}

// remove takes a work out of all lines.
func (c *crowd) remove(w *work) {
	if w.line == nil {
		return
	}
	w.line.remove(w, inCrowd)
	w.line = nil
	if !w.from.IsValid() {
		return
	}
	own := c.from[w.from]
	own.remove(w, inAddress)
	if own.n > 0 {
		c.from[w.from] = own
	} else {
		delete(c.from, w.from)
	}
	w.from = netip.Addr{}
}

// leastHeads is the smallest limit on the heads of one network in one loop, when its connections are limited.
const leastHeads = 8

// makeRoom evicts sockets to make room for a newcomer. It reports false if nothing in this loop can be evicted.
func (l *loop) makeRoom(from netip.Addr) bool {
	srv := l.srv
	if own := l.crowd.from[from]; from.IsValid() && srv.clients.most > 0 && own.n >= max(leastHeads, srv.clients.most) {
		l.evict(own.first)
	}
	for srv.sockets.Load() > srv.maxSockets || l.crowd.heads.n >= srv.maxHeads {
		w := l.crowd.next(from)
		if w == nil {
			return false
		}
		l.evict(w)
	}
	return true
}

// next returns the next work to evict for a newcomer, nil if there is none.
func (c *crowd) next(from netip.Addr) *work {
	if w := c.closing.first; w != nil {
		return w
	}
	w := c.heads.first
	if w == nil {
		return nil
	}
	if own := c.from[from]; own.n > c.from[w.from].n {
		return own.first
	}
	return w
}

// evict closes a connection of the crowd; a head that is complete by now is answered as usual.
func (l *loop) evict(w *work) {
	l.cork()
	defer l.uncork()
	c := w.conn
	if c.state == stateHead {
		l.ev.Read(&c.socket)
	}
	switch c.state {
	case stateHead:
		c.turnAway(dropCrowded)
	case stateClosing:
		c.remove(dropCrowded)
	case stateOpen, stateDead:
	}
}
