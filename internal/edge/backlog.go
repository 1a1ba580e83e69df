package edge

// backlog is a connection whose socket did not accept everything.
type backlog struct {
	conn  *conn
	moved int64 // when it last accepted bytes, on the loop's clock
}

// write hands frames to the socket, which keeps the bytes that the kernel does not accept. They are already counted as waiting.
func (c *conn) write(frames []byte) {
	if len(frames) == 0 || c.state == stateDead {
		return
	}
	if c.loop.ev.Write(&c.socket, frames) != nil {
		c.remove(clientGone)
		return
	}
	c.loop.srv.metrics.sent(len(frames))
	c.recount(int32(len(frames)))
}

// recount updates the count of waiting bytes after n bytes have left the outbox, and records whether the socket has accepted any.
func (c *conn) recount(n int32) {
	left := int32(c.socket.Unsent())
	if left < c.outbound+n {
		c.flags.set(flagMoved)
	}
	c.waiting.Add(left - c.outbound - n)
	c.loop.srv.cfg.Buffers.Add(int64(left - c.outbound))
	c.outbound = left
	if left > 0 && !c.flags.has(flagBehind) {
		c.flags.set(flagBehind)
		c.loop.behind = append(c.loop.behind, backlog{conn: c, moved: c.loop.now()})
	}
}

// checkBacklogs checks the connections that are behind. Producers see freed room; a connection that has accepted no byte for two ping
// intervals is lost.
func (l *loop) checkBacklogs(now int64) {
	for i := len(l.behind) - 1; i >= 0; i-- {
		b := &l.behind[i]
		c := b.conn
		if c.state != stateDead {
			c.recount(0)
		}
		b.update(now)
		if c.state != stateDead && c.outbound > 0 {
			if now-b.moved < 2*l.srv.cfg.PingInterval.Milliseconds() {
				continue
			}
			c.remove(dropStalled)
		}
		c.flags.clear(flagBehind)
		last := len(l.behind) - 1
		l.behind[i] = l.behind[last]
		l.behind[last] = backlog{}
		l.behind = l.behind[:last]
	}
}

// update records when the socket last accepted bytes.
func (b *backlog) update(now int64) {
	if b.conn.flags.has(flagMoved) {
		b.conn.flags.clear(flagMoved)
		b.moved = now
	}
}
