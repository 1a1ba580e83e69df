package edge

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
)

// loop is what the edge keeps beside one event loop of gnet.
type loop struct {
	// static
	srv    *Server
	events gnet.EventLoop

	// any goroutine
	in       inbox
	sweeping atomic.Bool // a sweep is on its way to the loop

	// owned by the loop
	depth  int       // of nested events: a failing write closes its socket at once
	table  [][]*conn // open connections by sweep slot
	slot   int       // visited last
	works  []*work   // in use, in no order
	spare  []*work   // for reuse
	behind []backlog // connections with a socket that did not take everything
	reply  []byte    // scratch for HTTP answers
}

// maxRounds bounds how often one event looks into the inbox, so that producers that never pause cannot keep the
// loop from its sockets.
const maxRounds = 8

func newLoop(srv *Server, events gnet.EventLoop) *loop {
	return &loop{srv: srv, events: events, table: make([][]*conn, srv.pace.slots)}
}

// now is the loop's clock: milliseconds since the server was made, monotonic.
func (l *loop) now() int64 { return time.Since(l.srv.epoch).Milliseconds() }

// enter begins an event. Between enter and leave nobody has to wake the loop.
func (l *loop) enter() {
	l.depth++
	if l.depth == 1 {
		l.in.arm()
	}
}

// leave ends an event and writes all that has been queued meanwhile.
func (l *loop) leave() {
	if l.depth == 1 {
		l.drain()
	}
	l.depth--
}

func (l *loop) drain() {
	for range maxRounds {
		b := l.in.take()
		if b == nil {
			return
		}
		l.write(b)
		b.reset()
	}
	l.wake() // the inbox is still armed
}

// write hands the frames of a batch to their sockets, one write per item.
func (l *loop) write(b *batch) {
	from := 0
	for i := range b.items {
		it := &b.items[i]
		frames := b.arena[from : from+it.size]
		from += it.size
		it.conn.write(frames)
		switch it.then {
		case thenFinish:
			it.conn.finish()
		case thenDrop:
			it.conn.drop(dropOutputFull)
		case thenNothing:
		}
	}
}

// wakeLocked makes the loop look into its inbox, which is locked, unless it will anyway. A connection is
// sealed under the same lock before its loop ends, so that nobody wakes a loop that has ended: its descriptor
// may be somebody else's by then.
func (l *loop) wakeLocked() {
	if !l.in.armed {
		l.in.armed = true
		l.wake()
	}
}

func (l *loop) wake() {
	// The error says that the engine is shutting down, and then every connection is closed anyway.
	_ = l.events.Execute(context.Background(), wakeTask{l})
}

// wakeTask is what a woken loop runs.
type wakeTask struct{ *loop }

func (t wakeTask) Run(context.Context) error {
	t.enter()
	t.leave()
	return nil
}

// list enters an open connection into a random slot of the sweep table: its pings keep a distance from those of
// connections that came at the same moment.
func (l *loop) list(c *conn) {
	c.slot = uint16(rand.IntN(len(l.table)))
	c.place = int32(len(l.table[c.slot]))
	l.table[c.slot] = append(l.table[c.slot], c)
}

func (l *loop) unlist(c *conn) {
	slot := l.table[c.slot]
	last := slot[len(slot)-1]
	slot[c.place], last.place = last, c.place
	slot[len(slot)-1] = nil
	l.table[c.slot] = slot[:len(slot)-1]
}

// loopOf returns what the edge keeps beside an event loop, and makes it when the loop gets its first
// connection.
func (s *Server) loopOf(events gnet.EventLoop) *loop {
	if l := find(*s.loops.Load(), events); l != nil {
		return l
	}
	// Only the loop itself comes here for its own entry; the lock is against the others.
	s.adding.Lock()
	defer s.adding.Unlock()
	known := *s.loops.Load()
	l := newLoop(s, events)
	grown := append(known[:len(known):len(known)], l)
	s.loops.Store(&grown)
	return l
}

func find(loops []*loop, events gnet.EventLoop) *loop {
	for _, l := range loops {
		if l.events == events {
			return l
		}
	}
	return nil
}
