package client

import (
	"context"
	"fmt"
	"time"

	"github.com/coder/websocket"
)

// never is longer than any wait.
const never = 24 * time.Hour

// write is the writer of a link: acknowledgements, messages, and a probe after long silence.
func (c *Client) write(l *link) {
	defer close(l.writerDone)
	timer := time.NewTimer(never)
	defer timer.Stop()
	for {
		data, wait, ok := c.nextFrame(l)
		if !ok {
			return
		}
		if data == nil && wait == 0 {
			if err := l.probe(); err != nil {
				l.end(err)
				return
			}
			continue
		}
		if data != nil {
			if err := c.writeFrame(l, data); err != nil {
				l.end(fmt.Errorf("write: %w", err))
				return
			}
			continue
		}
		timer.Reset(wait)
		select {
		case <-l.wake:
		case <-timer.C:
		case <-l.ctx.Done():
			return
		}
	}
}

// nextFrame returns the next frame to write. If data is nil, it returns how long to wait; a wait of 0 asks for
// a probe. ok is false once l must no longer be written to.
func (c *Client) nextFrame(l *link) (data []byte, wait time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != l || c.err != nil || l.ctx.Err() != nil {
		return nil, 0, false
	}
	now := time.Now()
	age := now.Sub(l.began)
	wait = l.untilProbe(age)
	ack := c.acks.wait(now)
	message := c.outbox.unsent()
	pause := c.outbox.paused.Sub(now)
	if ack != 0 && (message == nil || pause > 0) {
		// Nothing to write yet.
		if ack > 0 {
			wait = min(wait, ack)
		}
		if message != nil {
			wait = min(wait, pause)
		}
		return nil, wait, true
	}
	if held := l.pace.wait(age); held > 0 {
		return nil, min(wait, held), true
	}
	l.pace.note(age)
	if ack == 0 {
		return c.acks.take(), 0, true
	}
	message.sent = true
	return message.data, 0, true
}

func (c *Client) writeFrame(l *link, data []byte) error {
	ctx, cancel := context.WithTimeout(l.ctx, c.cfg.WriteTimeout)
	defer cancel()
	kind := websocket.MessageText
	if c.cfg.Binary {
		kind = websocket.MessageBinary
	}
	return l.ws.Write(ctx, kind, data)
}

// untilProbe is how long the connection may still stay silent at age; 0 if it has been silent for long enough. While the reader
// is waiting for the application, it is the usual silence.
func (l *link) untilProbe(age time.Duration) time.Duration {
	if l.silence < 0 {
		return never
	}
	if l.held.Load() {
		return l.silence
	}
	return max(0, time.Duration(l.heard.Load())+l.silence-age)
}

// probe sends a ping and waits for the pong.
func (l *link) probe() error {
	ctx, cancel := context.WithTimeout(l.ctx, l.silence/2)
	defer cancel()
	if err := l.ws.Ping(ctx); err != nil {
		return fmt.Errorf("probe a silent connection: %w", err)
	}
	l.hear()
	return nil
}
