package streams

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	pingAfter = 5 * time.Second // of silence on the doorbell channel
	deadAfter = 3 * time.Second // without an answer to that ping
	// A subscription that stood for steady is renewed at once: until then others take this instance for dead.
	steady         = time.Second
	subscribePause = 200 * time.Millisecond
)

// subscribe receives the doorbells of this instance until ctx ends. go-redis' Channel() drops messages when
// its reader is slow, so this reads the connection itself; a slow reader is Redis' output buffer's problem,
// which ends the connection, which is noticed.
func (b *Backbone) subscribe(ctx context.Context) {
	for ctx.Err() == nil {
		started := time.Now()
		sub := b.client.Subscribe(ctx, b.channels()...)
		err := b.receive(ctx, sub)
		b.subscribed.Store(false)
		_ = sub.Close()
		if ctx.Err() != nil {
			return
		}
		b.log.Warn("doorbells lost", "error", err)
		if time.Since(started) > steady {
			continue
		}
		select {
		case <-time.After(subscribePause):
		case <-ctx.Done():
		}
	}
}

// channels are those of this instance, its own last: when that is subscribed all are.
func (b *Backbone) channels() []string {
	if b.opt.Traced {
		return []string{tracedChannel(b.opt.Instance), channel(b.opt.Instance)}
	}
	return []string{channel(b.opt.Instance)}
}

func (b *Backbone) receive(ctx context.Context, sub *redis.PubSub) error {
	// Close is what interrupts a read.
	stop := context.AfterFunc(ctx, func() { _ = sub.Close() })
	defer stop()
	var bell Bell
	pinged := false
	for {
		wait := pingAfter
		if pinged {
			wait = deadAfter
		}
		msg, err := sub.ReceiveTimeout(ctx, wait)
		var timeout net.Error
		switch {
		case err == nil:
			pinged = false
			b.dispatch(msg, &bell)
		case errors.As(err, &timeout) && timeout.Timeout() && !pinged:
			pinged = true
			if err := sub.Ping(ctx); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

func (b *Backbone) dispatch(msg any, bell *Bell) {
	switch m := msg.(type) {
	case *redis.Subscription:
		if m.Kind == "subscribe" && m.Channel == channel(b.opt.Instance) {
			b.subscribed.Store(true)
			b.metrics.resubs.Inc()
			b.handler.Reconcile()
		}
	case *redis.Message:
		if err := parseBell(m.Payload, bell); err != nil {
			b.metrics.badBells.Inc()
			return
		}
		b.handler.Bell(bell)
	}
}
