package client

// read is the reader of a link. When it ends, the link has ended.
func (c *Client) read(l *link) {
	err := c.readAll(l)
	l.end(asCloseError(err))
	_ = l.ws.CloseNow() // releases the socket; its error does not matter
	<-l.writerDone
	close(l.done)
}

func (c *Client) readAll(l *link) error {
	for {
		_, raw, err := l.ws.Read(l.ctx)
		if err != nil {
			return err
		}
		l.hear()
		f, err := parseFrame(raw)
		if err != nil {
			return err
		}
		if err := c.receive(l, f, raw); err != nil {
			return err
		}
		if err := c.awaitSpace(l); err != nil {
			return err
		}
	}
}

// awaitSpace blocks while too many events wait for Next and no message is unanswered. In the meantime silence proves nothing, so the
// connection is not probed.
func (c *Client) awaitSpace(l *link) error {
	defer l.hold(false)
	for {
		c.mu.Lock()
		full := c.inbox.full() && len(c.outbox.waiting) == 0 && c.err == nil
		c.mu.Unlock()
		if !full {
			return nil
		}
		l.hold(true)
		select {
		case <-c.inbox.space:
		case <-c.ended:
		case <-l.ctx.Done():
			return l.ctx.Err()
		}
	}
}
