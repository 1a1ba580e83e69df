package client

import (
	"context"
	"math/rand/v2"
	"time"
)

// delay is the wait before attempt n, counted from 0.
func (b Backoff) delay(n int) time.Duration {
	ceiling := b.Min
	for range n {
		if ceiling >= b.Max/2 {
			ceiling = b.Max
			break
		}
		ceiling *= 2
	}
	return jitter(min(ceiling, b.Max))
}

// jitter is uniformly random in [0, d).
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}

// sleep waits for d, or until ctx or the client ends.
func (c *Client) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.ended:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}
