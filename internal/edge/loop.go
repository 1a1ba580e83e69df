package edge

import (
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"
)

// loop is one event loop.
type loop struct {
	// static
	srv *Server
	poller

	// any goroutine
	in     inbox
	posted atomic.Uint32 // tasks

	// owned by the loop
	ending bool      // all is to be closed
	served uint64    // messages and pongs handed over, connections opened
	depth  int       // of nested events: a failing write closes its socket at once
	table  [][]*conn // open connections by sweep slot
	slot   int       // visited last
	works  []*work   // in use, in no order
	crowd  crowd
	spare  []*work   // for reuse
	behind []backlog // connections with a socket that did not take everything
	reply  []byte    // scratch for HTTP answers
	asked  int64     // when the other loops were asked to let go of buffers
}

// maxRounds bounds how often one event looks into the inbox, so that producers that never pause cannot keep the
// loop from its sockets.
const maxRounds = 8

func newLoop(srv *Server, p poller) *loop {
	l := &loop{srv: srv, poller: p, table: make([][]*conn, srv.pace.slots)}
	l.in.buffers = srv.cfg.Buffers
	l.crowd.from = map[netip.Addr]line{}
	return l
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
		if l.srv.cfg.Buffers.Excess() > 0 {
			l.relieve()
		}
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
		b.reset(l.srv.cfg.Buffers)
	}
	l.post(taskWrite) // the inbox is still armed
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
		l.post(taskWrite)
	}
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
