package edge

import "golang.org/x/sys/unix"

// backlog is a connection whose socket did not take everything.
type backlog struct {
	conn  *conn
	moved int64 // when it last took something, on the loop's clock
}

// writeNow writes what has not been in the inbox, and so has not been counted as waiting: what comes before
// the first frame.
func (c *conn) writeNow(b []byte) {
	c.waiting.Add(int32(len(b)))
	c.write(b)
}

// write gives frames to the socket, which keeps what the kernel does not take.
func (c *conn) write(frames []byte) {
	if len(frames) == 0 || c.state == stateDead {
		return
	}
	// On an error the socket has been closed already, and gone has been called.
	err := c.send(frames)
	if err != nil || c.state == stateDead {
		return
	}
	c.loop.srv.metrics.sent(len(frames))
	c.settle(int32(len(frames)))
}

// settle brings the count of waiting bytes up to date after n bytes have left the inbox, and notes whether the socket has
// taken something.
func (c *conn) settle(n int32) {
	left := int32(c.unsent())
	if left < c.outbound+n {
		c.marks.set(markMoved)
	}
	c.waiting.Add(left - c.outbound - n)
	c.loop.srv.cfg.Buffers.Add(int64(left - c.outbound))
	c.outbound = left
	if left > 0 && !c.marks.has(markBehind) {
		c.marks.set(markBehind)
		c.loop.behind = append(c.loop.behind, backlog{c, c.loop.now()})
	}
}

// catchUp looks at the connections that are behind: producers see their room again, and one that has not taken
// a byte for two ping intervals is lost.
func (l *loop) catchUp(now int64) {
	for i := len(l.behind) - 1; i >= 0; i-- {
		b := &l.behind[i]
		c := b.conn
		if c.state != stateDead {
			c.settle(0)
		}
		if c.marks.has(markMoved) {
			c.marks.clear(markMoved)
			b.moved = now
		}
		if c.state != stateDead && c.outbound > 0 {
			if now-b.moved < 2*l.srv.cfg.PingInterval.Milliseconds() {
				continue
			}
			c.drop(dropStalled)
		}
		c.marks.clear(markBehind)
		last := len(l.behind) - 1
		l.behind[i] = l.behind[last]
		l.behind[last] = backlog{}
		l.behind = l.behind[:last]
	}
}

// finish is called when the close frame (or the whole HTTP answer) has been given to the socket: the session
// is over, the socket stays until it is flushed and the client has closed too.
func (c *conn) finish() {
	if c.state == stateDead || c.state == stateClosing {
		return
	}
	if c.state == stateOpen {
		c.loop.unlist(c)
	}
	c.state = stateClosing
	c.loop.release(c)
	c.loop.crowd.linger(c.loop.begin(c, c.loop.srv.cfg.CloseTimeout))
	c.endSession()
	c.shutdown()
}

// shutdown ends the write side once everything is flushed, so that the client sees the end even while it still
// sends.
func (c *conn) shutdown() {
	if c.state != stateClosing || c.work.shut || c.unsent() > 0 {
		return
	}
	c.work.shut = true
	_ = unix.Shutdown(c.descriptor(), unix.SHUT_WR) // fails when the client was faster
}
