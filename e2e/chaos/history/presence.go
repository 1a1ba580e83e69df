package history

import "time"

// view is what one member knows.
type view struct {
	conns map[int]map[string]bool  // peers that are there, as each connection tells it
	here  map[string]bool          // of the newest connection
	dead  map[string]int           // peers that are gone for good, and which connection said so
	gone  map[string]time.Duration // when it was told so
	heard map[string]time.Duration // last data of each
	known map[string]time.Duration // when each was first announced

	newest map[channel]*message // last message of each sender
	acked  *message             // last message acknowledged

	opened, fresh, left time.Duration // its last connection, its last fresh session, its leave
	conn                int           // that of here
	self                string
	selves              map[int]string // of the connections that may still be its session's
}

// channel is where order is kept: a sender, and a connection where a replay may repeat.
type channel struct {
	peer string
	conn int
}

func newView() *view {
	return &view{
		conns: map[int]map[string]bool{}, dead: map[string]int{}, gone: map[string]time.Duration{}, heard: map[string]time.Duration{},
		known: map[string]time.Duration{}, newest: map[channel]*message{}, selves: map[int]string{},
	}
}

// opened begins a connection: on rejoin.v1 it says who is there, in the plain dialect that is announced anew.
func (c *checker) opened(v *view, e Event) {
	m := c.members[e.Member]
	if v.opened > 0 && (m.Plain && !m.Kept || !m.Plain && !e.Resumed) {
		v.fresh = e.At
	}
	if e.Resumed && v.self != e.Self {
		c.broken(End, e, "resumed %.8s, but was %.8s", e.Self, v.self)
	}
	v.opened, v.self = e.At, e.Self
	v.conn, v.selves[e.Conn] = e.Conn, e.Self
	for id := range v.here { // until it is announced again
		v.gone[id] = e.At
	}
	v.here = map[string]bool{}
	v.conns[e.Conn] = v.here
	for _, id := range e.Peers {
		if e.Began > 0 && v.gone[id] > e.Began {
			delete(v.dead, id) // this one opened before another one at the same time heard of the end
		}
		c.announced(v, Event{At: e.At, Member: e.Member, Conn: e.Conn, Peer: id})
	}
}

// fenced ends a connection. Of two attempts at once the one that was seen to open last need not be the one that has the session: then the member
// goes on with the other.
func (v *view) fenced(e Event) {
	delete(v.selves, e.Conn)
	if v.conn != e.Conn || v.self == "" {
		return
	}
	next := 0
	for conn, self := range v.selves {
		if self == v.self {
			next = max(next, conn)
		}
	}
	if next == 0 {
		return
	}
	v.conn, v.here = next, v.conns[next]
	for id := range v.here {
		delete(v.gone, id)
	}
}

func (c *checker) announced(v *view, e Event) {
	here := v.on(e.Conn)
	switch {
	case v.isDead(e):
		c.broken(Presence, e, "is told that %.8s is there, which is gone", e.Peer)
	case here[e.Peer]:
		c.broken(Presence, e, "is told twice that %.8s is there", e.Peer)
	}
	here[e.Peer] = true
	if _, before := v.known[e.Peer]; !before {
		v.known[e.Peer] = e.At
	}
	delete(v.gone, e.Peer)
}

func (c *checker) gone(v *view, e Event) {
	here := v.on(e.Conn)
	switch {
	case v.isDead(e):
		c.broken(End, e, "is told twice that %.8s is gone", e.Peer)
	case !here[e.Peer]:
		c.broken(Presence, e, "is told that %.8s is gone, which was never announced", e.Peer)
	}
	delete(here, e.Peer)
	v.dead[e.Peer], v.gone[e.Peer] = e.Conn, e.At
}

// on returns who is there, as a connection tells it.
func (v *view) on(conn int) map[string]bool {
	if v.conns[conn] == nil {
		v.conns[conn] = map[string]bool{}
	}
	return v.conns[conn]
}

// isDead: this connection, or one before it, was told that the peer is gone. What an older one still hears is not new.
func (v *view) isDead(e Event) bool {
	conn, dead := v.dead[e.Peer]
	return dead && conn <= e.Conn
}

// ghosts: who is believed to be there has said something since all was settled. A plain client is not told of an end
// when a newer peer is there (rule S2.8); it has one ghost for each at most until then.
func (c *checker) ghosts(m Member, settled time.Duration) {
	v := c.views[m.Name]
	if v.left > 0 || v.opened == 0 {
		return
	}
	for id := range v.here {
		if v.heard[id] >= settled || m.Plain && v.alive(settled) {
			continue
		}
		c.broken(End, Event{At: settled, Member: m.Name}, "was never told that %.8s is gone", id)
	}
	if !v.alive(settled) {
		c.broken(End, Event{At: settled, Member: m.Name}, "has heard of nobody since")
	}
}

// alive tells whether any peer has said something since.
func (v *view) alive(since time.Duration) bool {
	for id := range v.here {
		if v.heard[id] >= since {
			return true
		}
	}
	return false
}
