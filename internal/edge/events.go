package edge

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// What an event loop has to do for the edge is in two forms: of our own on Linux (epoll_*.go), by gnet elsewhere or with
// the build tag gnet (gnet*.go). Either has
//
//	engine              run, stop: the loops of a server and the sweep's clock
//	poller              in loop: wake, closeSocket
//	socket              in conn: write, unsent, descriptor; noSocket is none
//
// and calls, on the goroutine of the loop that a socket belongs to, what is in this file.

// task is what can be asked of a loop from any goroutine; several become one set.
type task uint32

const (
	taskWrite task = 1 << iota // look into the inbox
	taskSweep                  // one tick
	taskClose                  // say good-bye to all connections
	taskEnd                    // end the loop
	taskRoom                   // have one of the crowd give way
)

// post has the loop do a task. Asked again before it did, it does it once.
func (l *loop) post(t task) {
	if l.posted.Or(uint32(t)) == 0 {
		l.wake()
	}
}

// woken does what was posted.
func (l *loop) woken() {
	t := task(l.posted.Swap(0))
	l.ending = l.ending || t&taskEnd != 0
	if t&taskClose != 0 {
		l.closeAll()
	}
	if t&taskRoom != 0 {
		l.room(netip.Addr{})
	}
	if t&taskSweep != 0 {
		l.sweep()
	}
	l.enter()
	l.leave()
}

// accepted makes the connection of a socket, and room for it. full reports that there is more than there should be, and nothing in
// this loop that could give way: it should accept no more until the next tick.
func (l *loop) accepted(sock socket, peer netip.Addr) (c *conn, full bool) {
	l.srv.sockets.Add(1) // and counted out by [Server.forget]
	counted := l.srv.clients.counted(peer)
	full = !l.room(counted)
	c = &conn{loop: l, socket: sock}
	l.crowd.join(l.begin(c, l.srv.cfg.HandshakeTimeout), counted)
	return c, full
}

// received takes what was read, all of it; it may be changed.
func (c *conn) received(data []byte) {
	c.loop.srv.metrics.received(len(data))
	c.loop.enter()
	c.quiet = 0
	if c.marks.has(markBehind) {
		c.settle(0) // the session may want to know whether there is room
	}
	switch c.state {
	case stateHead:
		c.readHead(data)
	case stateOpen:
		c.feed(data)
	case stateClosing, stateDead:
	}
	c.loop.leave()
}

// ended is called when the socket is about to be closed, by whichever side, also from within a write that failed. Once it
// returns, nobody uses the descriptor any more.
func (c *conn) ended() {
	if c.marks.has(markAdmitted) {
		c.loop.srv.upgraded.Add(-1)
		c.loop.srv.clients.drop(c)
	}
	c.loop.enter()
	c.gone()
	c.loop.leave()
}

// hasEnded is whether nothing can come from the socket any more: the client has closed or reset it, and there
// is nothing left to read before that.
func (c *conn) hasEnded() bool {
	var b [1]byte
	n, _, err := unix.Recvfrom(c.descriptor(), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	if err != nil {
		return err != unix.EAGAIN && err != unix.EINTR
	}
	return n == 0
}
