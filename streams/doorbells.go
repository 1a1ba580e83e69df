package streams

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/streams/internal/pipeline"
)

const (
	pingAfter = 5 * time.Second // of silence on a doorbell channel
	deadAfter = 3 * time.Second // without an answer to that ping
	// A subscription that was up for steady is renewed at once: without one, others take this instance for dead.
	steady              = time.Second
	firstSubscribePause = 50 * time.Millisecond
	lastSubscribePause  = time.Second
)

// listen subscribes to the doorbells of this instance, and stays subscribed until ctx ends.
//
// On a single server that is one connection. On a cluster it is one per primary, to that primary's own channel, so a primary that hangs
// only holds up the doorbells of its own rooms. One more connection, to any primary, is for the channel without a primary; see ring in
// lua/lib.lua.
func (b *Backbone) listen(ctx context.Context, client redis.UniversalClient) {
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		b.wg.Go(func() {
			b.subscribe(ctx, func() subscriber { return client }, b.channels(""), func(bool) {})
		})
		return
	}
	l := &b.listeners
	b.wg.Go(func() {
		b.pipelines.Watch(ctx, cluster, b.opt.Lease*3/10, func(p pipeline.Primary) { l.found(ctx, b, p) })
	})
	b.wg.Go(func() {
		b.subscribe(ctx, func() subscriber { return l.any(cluster) }, b.channels(""), func(bool) {})
	})
}

// subscriber is a client that can subscribe.
type subscriber interface {
	Subscribe(ctx context.Context, channels ...string) *redis.PubSub
}

// listeners are the subscriptions at the primaries of a cluster.
type listeners struct {
	mu    sync.Mutex
	known map[string]*listener // by the primary's ID
	whole bool                 // true once all primaries were subscribed to
}

type listener struct {
	client *redis.Client
	stands bool
}

// complete reports whether this instance has ever been subscribed at all primaries that answered then. Before that, a primary may ring
// without a receiver and take this instance for dead. On a single server there is nothing to wait for.
func (l *listeners) complete(p *pipeline.Pipelines) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.whole {
		return true
	}
	l.whole = true
	for id, why := range p.Primaries() {
		if x := l.known[id]; why == nil && (x == nil || !x.stands) {
			l.whole = false
		}
	}
	return l.whole
}

// found subscribes at a new primary.
func (l *listeners) found(ctx context.Context, b *Backbone, p pipeline.Primary) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known[p.ID] != nil || ctx.Err() != nil {
		return
	}
	x := &listener{client: p.Client}
	if l.known == nil {
		l.known = map[string]*listener{}
	}
	l.known[p.ID] = x
	b.wg.Go(func() {
		b.subscribe(ctx, func() subscriber { return p.Client }, b.channels("@"+p.ID), func(stands bool) {
			l.mu.Lock()
			defer l.mu.Unlock()
			x.stands = stands
		})
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.known, p.ID)
	})
}

// any returns one of the primaries, not always the same.
func (l *listeners) any(cluster *redis.ClusterClient) subscriber {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range l.known { // in no order
		return x.client
	}
	return cluster
}

// subscribe receives doorbells until ctx ends, or the client is closed. go-redis' Channel() drops messages when its reader is slow, so this
// reads the connection itself; if we read too slowly, Redis closes the connection at its output limit, and we notice. stands is called when
// the subscription is up, and when it is lost.
func (b *Backbone) subscribe(ctx context.Context, at func() subscriber, channels []string, stands func(bool)) {
	pause := firstSubscribePause
	for ctx.Err() == nil {
		started := time.Now()
		ctx, stop := interruptible(ctx)
		sub := at().Subscribe(ctx, channels...)
		stood, err := b.receive(ctx, sub, channels[len(channels)-1], stands)
		stop()
		_ = sub.Close()
		if ctx.Err() != nil || errors.Is(err, redis.ErrClosed) {
			return
		}
		b.health.failed(partDoorbells, err)
		if stood && time.Since(started) > steady {
			pause = firstSubscribePause
			continue
		}
		sleep(ctx, pause)
		pause = min(2*pause, lastSubscribePause)
	}
}

// channels are this instance's channels at a primary ("@" and its ID) or at any (""). The plain one is last: once it is subscribed, all
// are.
func (b *Backbone) channels(at string) (list []string) {
	if b.opt.Revoked != nil && at == "" {
		list = append(list, revocationsChannel)
	}
	if b.opt.Traced {
		list = append(list, tracedChannel(b.opt.Instance+at))
	}
	return append(list, channel(b.opt.Instance+at))
}

// receive reads a subscription until it ends. stood reports whether it was ever up.
func (b *Backbone) receive(ctx context.Context, sub *redis.PubSub, last string, stands func(bool)) (stood bool, err error) {
	defer func() {
		if stood {
			b.subscribed.Add(-1)
			stands(false)
		}
	}()
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
			if s, ok := msg.(*redis.Subscription); ok && !stood && s.Kind == "subscribe" && s.Channel == last {
				stood = true
				stands(true)
				b.subscribedNow()
			}
			b.dispatch(msg, &bell)
		case errors.As(err, &timeout) && timeout.Timeout() && !pinged:
			pinged = true
			if err := sub.Ping(ctx); err != nil {
				return stood, err
			}
		default:
			return stood, err
		}
	}
}

func (b *Backbone) subscribedNow() {
	b.subscribed.Add(1)
	b.health.works(partDoorbells)
	b.metrics.resubs.Inc()
	b.revocations.nudge()
	b.handler.Reconcile()
}

func (b *Backbone) dispatch(msg any, bell *Bell) {
	m, ok := msg.(*redis.Message)
	if !ok {
		return
	}
	if m.Channel == revocationsChannel {
		b.revoked(m.Payload)
		return
	}
	if m.Channel == channel(b.opt.Instance) {
		b.pipelines.Moved() // on a cluster: from an instance of an earlier version, or a primary not known here yet
	}
	if err := parseBell(m.Payload, bell); err != nil {
		b.metrics.badBells.Inc()
		return
	}
	b.handler.Bell(bell)
}
