package edge

import (
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wsframe"
)

// remove ends a connection at once, whatever is still unwritten. It is the only way to stateDead. The session is told that the connection
// was lost, unless it has already been told of its end. Removing a dead connection does nothing.
func (c *conn) remove(why dropReason) {
	if c.state == stateDead {
		return
	}
	l, srv := c.loop, c.loop.srv
	l.cork()
	defer l.uncork()

	// No goroutine queues for it any more, or writes to its descriptor.
	l.outbox.seal(c, signaling.Closure{By: signaling.ClosedByLoss})

	// It leaves the tables and the counts.
	was := c.state
	c.state = stateDead
	srv.metrics.removed(why, was)
	if was == stateOpen {
		l.table.remove(c)
	}
	l.endWork(c)
	if c.flags.has(flagAdmitted) {
		srv.upgraded.Add(-1)
		srv.clients.remove(c)
	}
	srv.cfg.Buffers.Add(-int64(c.outbound))
	c.outbound = 0

	// The session is told while the descriptor still belongs to this connection; it may queue for others.
	c.closeSession()

	// The descriptor is closed.
	l.ev.Close(&c.socket)
	srv.socketClosed()
}

// linger is called once the close frame or the HTTP response has been written to the socket. The session is over, unless its client was
// sent away: then messages may still arrive. The socket stays open until everything is flushed and the client has closed too, or until
// CloseTimeout: see doc.go.
func (c *conn) linger() {
	if c.state == stateDead || c.state == stateClosing {
		return
	}
	l := c.loop
	if c.state == stateOpen {
		l.table.remove(c)
	}
	c.state = stateClosing
	reads := c.reading()
	var incomplete wsframe.Partial // frame or message
	if reads && c.work != nil {
		incomplete, c.work.stream = c.work.stream, incomplete
	}
	l.endWork(c)
	w := l.beginWork(c, l.srv.cfg.CloseTimeout)
	l.crowd.addClosing(w)
	if reads {
		w.stream = incomplete
		l.countWork(w)
	} else {
		c.closeSession()
	}
	c.closeWrite()
}

// closeSession tells the session, once, that the connection is over.
func (c *conn) closeSession() {
	session := c.session
	if session == nil {
		return
	}
	c.session = nil
	session.Closed(signaling.Closure{By: c.endKind, Code: c.endCode})
}

// closeWrite ends the write side of a closing connection once everything is flushed, so that the client sees the end even if it is still
// sending.
func (c *conn) closeWrite() {
	if c.state != stateClosing || c.work.writeClosed || c.socket.Unsent() > 0 {
		return
	}
	c.work.writeClosed = true
	c.socket.CloseWrite()
}
