package client

import (
	"context"
	"errors"
	"log/slog"

	"github.com/coder/websocket"
)

// Close leaves the room: it ends the session with close code 1000, and peers hear of it. Messages without an answer end with
// ErrClosed. It blocks until the server has answered the close frame and every goroutine has ended, or ctx ends: its error is returned
// then, and Done tells when the rest has ended. An attempt to connect that is under way is waited for, for ConnectTimeout at most: the server
// may have taken it already. Between two attempts the server is not told: it notices when the grace window ends.
func (c *Client) Close(ctx context.Context) error {
	return c.leave(ctx, websocket.StatusNormalClosure)
}

// Detach closes the connection with 1001, which leaves the session suspended for its grace window, and returns where to go on.
// It blocks as Close does.
func (c *Client) Detach(ctx context.Context) (Position, error) {
	err := c.leave(ctx, websocket.StatusGoingAway)
	return c.Position(), err
}

// Abort ends the client as a crash would: the TCP connection goes without a close frame.
func (c *Client) Abort() {
	c.finish(ErrClosed)
	c.cancel()
	<-c.done
	c.log.flush(context.Background())
}

// Drop cuts the current connection without a close frame, as a network that fails would. The client comes back by itself, if
// its configuration says so.
func (c *Client) Drop() {
	c.mu.Lock()
	l := c.link
	c.mu.Unlock()
	if l != nil {
		l.end(errDropped)
	}
}

// leave ends the client and waits for that. When it has ended already, or somebody else is ending it, it only waits.
func (c *Client) leave(ctx context.Context, code websocket.StatusCode) error {
	c.code.CompareAndSwap(0, int64(code))
	if l, first := c.finish(ErrClosed); first {
		c.shake(ctx, l, code)
	}
	select {
	case <-c.done:
	case <-ctx.Done(): // an HTTPClient may not heed its context: it is not waited for
		c.cancel()
	}
	c.log.flush(ctx)
	return ctx.Err()
}

// shake does the closing handshake, if there is a connection. It blocks until the server has answered, or ctx ends.
func (c *Client) shake(ctx context.Context, l *link, code websocket.StatusCode) {
	if l == nil {
		return
	}
	stop := context.AfterFunc(ctx, l.cancel)
	defer stop()
	if ack := c.lastAck(); ack != nil {
		_ = c.writeFrame(l, ack) // a connection that fails here fails below, too
	}
	// The reader may have seen the answer before Close did: then its code is in the error.
	if err := l.ws.Close(code, ""); err != nil && websocket.CloseStatus(err) != code {
		c.log.debug("close handshake", slog.Any("error", err))
	}
	l.end(ErrClosed)
}

// lastAck is the acknowledgement that is still owed, nil when there is none: without it the peer would be told that what was
// handled has not been delivered.
func (c *Client) lastAck() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.acks.count == 0 {
		return nil
	}
	return c.acks.take()
}

// finish ends the client for the given reason, if it has not ended yet: then first is true, and l is the connection it had, nil if
// none. It leaves that connection, and the goroutines, to the caller.
func (c *Client) finish(err error) (l *link, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, false
	}
	c.err = err
	close(c.ended)
	if c.cfg.Plain && !errors.Is(err, ErrClosed) {
		err = unconfirmed(err)
	}
	c.outbox.failAll(err)
	return c.link, true
}
