package client

import (
	"context"
	"errors"
	"log/slog"

	"github.com/coder/websocket"
)

// Close leaves the room: it ends the session with close code 1000, and peers are told. Unanswered messages fail with
// ErrClosed. Close blocks until the server has answered the close frame and every goroutine has ended, or until ctx ends. In the latter case it
// returns ctx's error, and Done is closed when the rest has ended. Close waits for a connection attempt in progress, at most ConnectTimeout,
// because the server may have accepted it already. Between two attempts the server cannot be told; it notices when the grace window ends.
func (c *Client) Close(ctx context.Context) error {
	return c.leave(ctx, websocket.StatusNormalClosure)
}

// Detach closes the connection with 1001, which leaves the session suspended for its grace window, and returns the position to continue from.
// It blocks like Close.
func (c *Client) Detach(ctx context.Context) (Position, error) {
	err := c.leave(ctx, websocket.StatusGoingAway)
	return c.Position(), err
}

// Abort ends the client as a crash would: the TCP connection ends without a close frame.
func (c *Client) Abort() {
	c.finish(ErrClosed)
	c.cancel()
	<-c.done
	c.log.flush(context.Background())
}

// Drop cuts the current connection without a close frame, as a failing network would. The client reconnects by itself, if
// it is configured to.
func (c *Client) Drop() {
	c.mu.Lock()
	l := c.link
	c.mu.Unlock()
	if l != nil {
		l.end(errDropped)
	}
}

// leave ends the client and waits. If the client has already ended or is being ended, it only waits.
func (c *Client) leave(ctx context.Context, code websocket.StatusCode) error {
	c.code.CompareAndSwap(0, int64(code))
	if l, first := c.finish(ErrClosed); first {
		c.shake(ctx, l, code)
	}
	select {
	case <-c.done:
	case <-ctx.Done(): // an HTTPClient may ignore its context, so do not wait for it
		c.cancel()
	}
	c.log.flush(ctx)
	return ctx.Err()
}

// shake performs the closing handshake, if there is a connection. It blocks until the server has answered or ctx ends.
func (c *Client) shake(ctx context.Context, l *link, code websocket.StatusCode) {
	if l == nil {
		return
	}
	stop := context.AfterFunc(ctx, l.cancel)
	defer stop()
	if ack := c.lastAck(); ack != nil {
		_ = c.writeFrame(l, ack) // if the connection fails here, it fails below too
	}
	// The reader may have seen the answer before Close did: then its code is in the error.
	if err := l.ws.Close(code, ""); err != nil && websocket.CloseStatus(err) != code {
		c.log.debug("close handshake", slog.Any("error", err))
	}
	l.end(ErrClosed)
}

// lastAck is the acknowledgement still due, or nil. Without it the peer would be told that messages we have
// handled were not delivered.
func (c *Client) lastAck() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.acks.count == 0 {
		return nil
	}
	return c.acks.take()
}

// finish ends the client for the given reason. If it had not ended before, first is true and l is its connection, or nil. The caller has
// to deal with that connection and the goroutines.
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
