package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/coder/websocket"
)

// run is the supervisor. It starts with an installed link and moves from link to link until the client ends.
func (c *Client) run(l *link) {
	defer close(c.done)
	defer c.cancel()
	for {
		next, err := c.serve(l)
		if next != nil {
			if l = next; !c.install(l) {
				return
			}
			continue
		}
		if c.Err() != nil {
			return
		}
		if isFinal(err) && !c.tokens.expired(err) || c.cfg.Plain && !c.cfg.Reconnect {
			c.finish(err)
			return
		}
		c.log.debug("connection lost", slog.Any("error", err))
		c.lost(err)
		if l, err = c.connect(c.ctx, err); err != nil {
			c.finish(err)
			return
		}
		if !c.install(l) {
			return
		}
	}
}

// serve runs one connection until it ends, and returns the cause, or until it is replaced because the server asked us to move.
func (c *Client) serve(l *link) (*link, error) {
	go c.read(l)
	go c.write(l)
	select {
	case <-l.done:
		return nil, l.cause()
	case move := <-l.move:
		return c.moveOn(l, move)
	}
}

// moveOn opens the next connection while the old one still works; its resume fences the old one. If that fails,
// the old one is used until it ends.
func (c *Client) moveOn(l *link, move GoAway) (*link, error) {
	if move.Reason == "auth" {
		c.tokens.forget()
	}
	timer := time.NewTimer(jitter(move.In))
	defer timer.Stop()
	select {
	case <-l.done:
		return nil, l.cause()
	case <-timer.C:
	}
	next, err := c.open(c.ctx, c.nextURL())
	if err != nil {
		c.log.debug("move to another connection", slog.Any("error", err))
		<-l.done
		if cause := l.cause(); !errors.Is(cause, ErrResumedElsewhere) {
			return nil, cause
		}
		return nil, err // it was our own attempt that fenced the old connection
	}
	c.setLink(nil) // anything posted from here on is for the next link
	l.end(errMoved)
	<-l.done
	return next, nil
}

// connect repeats attempts until one succeeds, one fails for good, or ctx ends. cause is how the last connection ended. If it
// is nil, as for the first connection, the first attempt is made immediately.
func (c *Client) connect(ctx context.Context, cause error) (*link, error) {
	err := cause
	for n := 0; ; n++ {
		if cause != nil || n > 0 {
			if waitErr := c.sleep(ctx, c.wait(n, err)); waitErr != nil {
				return nil, errors.Join(waitErr, err)
			}
		}
		var l *link
		if l, err = c.open(ctx, c.nextURL()); err == nil {
			return l, nil
		}
		c.log.debug("attempt", slog.Int("number", n), slog.Any("error", err))
		if isFinal(err) && !c.tokens.refused(err) || c.Err() != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("connect: %w", errors.Join(ctx.Err(), err))
		}
	}
}

// wait is the delay before attempt n, after the last attempt or connection ended with err.
func (c *Client) wait(n int, err error) time.Duration {
	var refused *RefusedError
	if errors.As(err, &refused) {
		return refused.RetryAfter + c.cfg.Backoff.delay(n)
	}
	if isOverload(err) {
		// A server that accepts and then closes would otherwise be retried forever with the smallest delay.
		return c.cfg.Backoff.delay(n + 4)
	}
	return c.cfg.Backoff.delay(n)
}

func (c *Client) nextURL() string {
	u := c.cfg.URLs[c.attempts%len(c.cfg.URLs)]
	c.attempts++
	return u
}

// install makes l the current connection and tells the application. If the client has ended in the meantime, it closes l the way the
// application asked for, and returns false.
func (c *Client) install(l *link) bool {
	c.mu.Lock()
	ended := c.err != nil
	if !ended {
		c.take(l)
	}
	c.mu.Unlock()
	if ended {
		c.closeUnused(l)
	}
	return !ended
}

// closeUnused performs the closing handshake of a connection without goroutines. It blocks until that is done or the client is cancelled.
func (c *Client) closeUnused(l *link) {
	stop := context.AfterFunc(c.ctx, func() { _ = l.ws.CloseNow() })
	defer stop()
	if err := l.ws.Close(websocket.StatusCode(c.code.Load()), ""); err != nil {
		c.log.debug("close handshake", slog.Any("error", err))
	}
	l.cancel()
}

// take is the part of install that runs under mu.
func (c *Client) take(l *link) {
	l.hear()
	c.link = l
	c.outbox.rewind()
	c.outbox.paused = time.Time{}
	if l.opening == nil {
		c.inbox.push(Connected{})
		return
	}
	s, err := l.opening.session(c.cfg.Target)
	if err != nil {
		l.end(err)
		return
	}
	c.token, c.clientID, c.maxBytes = l.opening.ResumeToken, s.ClientID, s.MaxMessageBytes
	if s.Resumed {
		c.acks.count, c.acks.now = 0, true
	} else {
		c.session++
		c.acks.fresh()
	}
	c.inbox.push(s)
}

// lost tells the application and ends the wait for answers that can no longer come.
func (c *Client) lost(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link = nil
	if c.err != nil {
		return
	}
	if c.cfg.Plain {
		c.outbox.failAll(unconfirmed(err))
	}
	c.inbox.push(Disconnected{Err: err})
}

func (c *Client) setLink(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link = l
}
