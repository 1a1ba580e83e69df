package client

import (
	"context"
	"errors"

	"github.com/coder/websocket"
)

// Close leaves the room: it ends the session with close code 1000, and peers hear of it. Messages without an answer end with
// ErrClosed. It blocks until the server has answered the close frame, or ctx ends, and every goroutine has ended. While
// there is no connection the server is not told: it notices when the grace window ends.
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

func (c *Client) leave(ctx context.Context, code websocket.StatusCode) error {
	l := c.finish(ErrClosed)
	var err error
	if l != nil {
		stop := context.AfterFunc(ctx, l.cancel)
		if ack := c.lastAck(); ack != nil {
			_ = c.writeFrame(l, ack) // a connection that fails here fails below, too
		}
		err = l.ws.Close(code, "")
		stop()
		if websocket.CloseStatus(err) == code {
			err = nil // the reader saw the answer before Close did
		}
	}
	c.cancel()
	<-c.done
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		c.log.Debug("close handshake", "error", err)
	}
	return nil
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

// finish ends the client for the given reason, if it has not ended yet, and returns the connection it had then. It leaves
// that connection, and the goroutines, to the caller.
func (c *Client) finish(err error) *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil
	}
	c.err = err
	close(c.ended)
	if c.cfg.Plain && !errors.Is(err, ErrClosed) {
		err = unconfirmed(err)
	}
	c.outbox.failAll(err)
	return c.link
}
