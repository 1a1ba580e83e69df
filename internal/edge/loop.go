package edge

import (
	"net/netip"
	"time"

	"github.com/rejoin-dev/rejoin/internal/evloop"
)

// loop is the edge's state for one event loop, and its evloop.Handler.
type loop struct {
	// static
	srv *Server
	ev  *evloop.Loop

	// any goroutine
	outbox outbox

	// owned by the loop
	corked  int // how deep events are nested: a write that fails removes its connection at once
	table   sweepTable
	works   []*work // in use, in no order
	spare   []*work // for reuse
	crowd   crowd
	behind  []backlog // connections whose socket did not accept everything
	reply   []byte    // scratch for HTTP responses
	askedAt int64     // when the other loops were last asked to shed load
}

// The tasks of a loop.
const (
	taskWrite evloop.Task = 1 << iota // look into the outbox
	taskClose                         // close all connections
	taskRoom                          // evict one of the crowd
)

// maxRounds bounds how often one event looks into the outbox, so that producers that never pause cannot keep the loop from its sockets.
const maxRounds = 8

func newLoop(srv *Server, ev *evloop.Loop) *loop {
	return &loop{
		srv: srv, ev: ev,
		outbox: outbox{buffers: srv.cfg.Buffers},
		table:  newSweepTable(srv.pace.slots),
		crowd:  crowd{from: map[netip.Addr]line{}},
	}
}

// now is the loop's clock: milliseconds since the server was made, monotonic.
func (l *loop) now() int64 { return time.Since(l.srv.epoch).Milliseconds() }

// Accepted implements evloop.Handler. full means that there are too many sockets, and none in this loop to evict.
func (l *loop) Accepted(s evloop.Socket, peer netip.Addr) (_ evloop.Conn, full bool) {
	l.srv.sockets.Add(1) // counted out by remove
	from := l.srv.clients.networkOf(peer)
	full = !l.makeRoom(from)
	c := &conn{loop: l, socket: s}
	l.crowd.addHead(l.beginWork(c, l.srv.cfg.HandshakeTimeout), from)
	if full {
		l.postOthers(taskRoom)
	}
	return c, full
}

// Do implements evloop.Handler.
func (l *loop) Do(tasks evloop.Task) {
	if tasks&taskClose != 0 {
		l.closeAll()
	}
	if tasks&taskRoom != 0 {
		l.makeRoom(netip.Addr{})
	}
	if tasks&evloop.Tick != 0 {
		l.sweep()
	}
	l.cork()
	l.uncork()
}

// FreeDescriptor implements evloop.Handler.
func (l *loop) FreeDescriptor() bool {
	w := l.crowd.next(netip.Addr{})
	if w == nil {
		return false
	}
	l.evict(w)
	return true
}

// postOthers has all loops but this one do a task.
func (l *loop) postOthers(t evloop.Task) {
	for _, other := range l.srv.loops {
		if other != l {
			other.ev.Post(t)
		}
	}
}

// cork begins an event. Until uncork, producers need not wake the loop: uncork writes their output.
func (l *loop) cork() {
	l.corked++
	if l.corked == 1 {
		l.outbox.arm()
	}
}

// uncork ends an event, and writes everything queued during it.
func (l *loop) uncork() {
	if l.corked == 1 {
		l.drain()
		if l.srv.cfg.Buffers.Excess() > 0 {
			l.shed()
		}
	}
	l.corked--
}

// drain writes the contents of the outbox.
func (l *loop) drain() {
	for range maxRounds {
		b := l.outbox.take()
		if b == nil {
			return
		}
		l.writeBatch(b)
		b.reset(l.srv.cfg.Buffers)
	}
	l.ev.Post(taskWrite) // the outbox is still armed
}

// writeBatch writes the frames of a batch to their sockets, one write per item.
func (l *loop) writeBatch(b *batch) {
	from := 0
	for i := range b.items {
		it := &b.items[i]
		frames := b.arena[from : from+it.size]
		from += it.size
		it.conn.write(frames)
		switch it.then {
		case thenLinger:
			it.conn.linger()
		case thenRemove:
			it.conn.remove(dropOutputFull)
		case thenNothing:
		}
	}
}
