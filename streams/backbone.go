package streams

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/rejoin-dev/rejoin/streams/internal/pipeline"
)

// Handler receives events from other instances and from Redis. Its methods must not block. Bell may be called by one goroutine per primary
// at a time, the others by one goroutine at a time unless they say otherwise.
type Handler interface {
	// Bell is one doorbell. b and its strings may be kept; b itself is reused.
	Bell(b *Bell)
	// Reconcile: doorbells may have been lost; every session held here must Sync. Several goroutines may call it.
	Reconcile()
	// Regenerate: a primary changed or lost its data; every session held here must be attached again (Restore).
	Regenerate()
	// SessionEnded is called once for every session that ends, at the instance whose step ended it. Several goroutines may call it. If
	// Redis' answer is lost, it is not called.
	SessionEnded(e *SessionEnd)
	// Instances is called after each renewal of the lease, with all instances that have a lease.
	Instances(live map[string]bool)
}

// Backbone is one instance's access to Redis. Its methods are safe for concurrent use and never block,
// unless they say so; answers arrive by callback, on a goroutine of the backbone, and callbacks must not block.
type Backbone struct {
	opt       Options
	name      string // from Options.Instance; opt.Instance is this incarnation
	log       *slog.Logger
	redis     *redis.UniversalOptions
	local     *embedded // nil with a real Redis
	metrics   *metrics
	pipelines *pipeline.Pipelines
	health    health
	leases    leases
	looks     looks

	revocations revocations
	sendCalls   sync.Pool // of *sending
	handler     Handler   // set by Start

	life   context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	client atomic.Pointer[redis.UniversalClient] // nil until Redis has said what it is

	subscribed atomic.Int64 // how many doorbell subscriptions are up
	listeners  listeners
}

// silenceDriver keeps go-redis from printing errors that it also returns: every error is counted or logged here.
var silenceDriver = sync.OnceFunc(logging.Disable)

// Open prepares a Backbone; it fails only on bad options. Redis need not be reachable yet.
func Open(opt Options) (*Backbone, error) {
	silenceDriver()
	opt = opt.withDefaults()
	b := &Backbone{log: opt.Logger, name: opt.Instance, redis: &redis.UniversalOptions{}}
	if b.name == "" {
		b.name = randomHex(8)
	}
	opt.Instance = incarnation(b.name)
	b.opt = opt
	if opt.URL == "" {
		if opt.WaitReplicas != 0 {
			return nil, errors.New("the embedded Redis has no replicas to wait for")
		}
		var err error
		if b.local, err = startEmbedded(); err != nil {
			return nil, err
		}
		b.redis.Addrs = []string{b.local.server.Addr()}
	} else {
		var err error
		if b.redis, err = ParseURL(opt.URL); err != nil {
			return nil, fmt.Errorf("parse redis URL: %w", err)
		}
	}
	tune(b.redis)
	batch, patience := 0, ioTimeout
	if b.local != nil {
		// It is slow but never unreachable: on a busy machine, small round trips may take long.
		batch, patience = embeddedBatch, embeddedTimeout
		b.redis.ReadTimeout, b.redis.WriteTimeout = patience, patience
	}
	b.life, b.cancel = context.WithCancel(context.Background())
	dial := opt.Dialer
	if dial == nil {
		dial = dialer(b.life, b.redis.TLSConfig)
	}
	b.redis.Dialer = interrupting(dial)
	b.health.log = opt.Logger
	b.metrics = newMetrics(opt.Registerer)
	b.sendCalls.New = newSendCall
	b.looks.init()
	b.revocations.wake = make(chan struct{}, 1)
	b.pipelines = pipeline.New(pipeline.Options{
		Scripts: scripts, Own: b.ownScripts, Names: scriptNames(), Replicas: pipeline.Replicas{Count: opt.WaitReplicas, Patience: min(replicaPatience, opt.CallTimeout/2)},
		MaxBatch: batch, IOTimeout: patience, Registerer: opt.Registerer, Logger: opt.Logger,
	})
	return b, nil
}

// Embedded reports whether this Backbone runs on the in-process Redis.
func (b *Backbone) Embedded() bool { return b.local != nil }

// Instance returns the name of this incarnation of the instance: its name, a dot, and a suffix unique to this process.
func (b *Backbone) Instance() string { return b.opt.Instance }

// Grace returns the grace window.
func (b *Backbone) Grace() time.Duration { return b.opt.Grace }

// CallTimeout is the time within which every step is answered.
func (b *Backbone) CallTimeout() time.Duration { return b.opt.CallTimeout }

// incarnation makes a unique name for this process from its configured name, because another process may have, or have had, the same. Of
// two incarnations the one that started earlier comes first.
func incarnation(name string) string {
	return fmt.Sprintf("%s.%011x%s", name, time.Now().UnixMilli(), randomHex(4))
}

// InstanceName returns the configured name of an incarnation (Backbone.Instance).
func InstanceName(instance string) string {
	if i := strings.LastIndexByte(instance, '.'); i >= 0 {
		return instance[:i]
	}
	return instance
}

// Start connects, subscribes and takes the lease; h is called from then on. It does not wait for Redis; see Ready.
func (b *Backbone) Start(h Handler) {
	b.handler = h
	b.wg.Go(func() {
		client := b.connect(b.life)
		if client == nil {
			return
		}
		b.client.Store(&client)
		b.health.works(partConnection)
		b.pipelines.Connect(client)
		b.listen(b.life, client)
		b.wg.Go(func() { b.keepLease(b.life) })
		b.wg.Go(func() { b.watchGeneration(b.life, client) })
		if b.opt.Revoked != nil {
			b.wg.Go(func() { b.followRevocations(b.life) })
		}
	})
}

// Ready reports why this instance should get no new clients; nil if it should. It returns the first cause, in words for operators.
func (b *Backbone) Ready() error {
	switch {
	case b.client.Load() == nil:
		if err := b.health.first(); err != nil {
			return err
		}
		return errors.New("redis: connecting")
	case b.pipelines.AllAway() != nil:
		return explain(b.pipelines.AllAway())
	case b.subscribed.Load() == 0 || !b.listeners.complete(b.pipelines):
		if err := b.health.first(); err != nil {
			return err
		}
		return errors.New("redis: not subscribed to the doorbells yet")
	}
	if b.opt.Revoked != nil && !b.revocations.read.Load() {
		if err := b.health.first(); err != nil {
			return err
		}
		return errors.New("redis: revocations not read yet")
	}
	return b.leases.ready(b.opt.Lease)
}

// Serves reports why a newcomer to a room would not be served now, as far as is known; nil if it would be. The room's primary may be
// unreachable while others are fine.
func (b *Backbone) Serves(room string) error { return explain(b.pipelines.Trouble(roomKey(room))) }

// Close gives up the lease and stops everything. It blocks until done or until ctx ends, and then gives up calls that Redis has not
// answered.
func (b *Backbone) Close(ctx context.Context) error {
	if b.handler != nil && b.client.Load() != nil {
		if err := b.giveUpLease(ctx); err != nil {
			b.log.Warn("lease not given up", "error", err)
		}
	}
	b.cancel()
	b.pipelines.Stop()
	var err error
	if c := b.client.Load(); c != nil {
		err = (*c).Close() // aborts pending calls
	}
	b.pipelines.Close()
	b.wg.Wait()
	if b.local != nil {
		b.local.close()
	}
	if err != nil {
		return fmt.Errorf("close redis client: %w", err)
	}
	return nil
}

// NewSession returns a session number for an attach: 16 hex digits, never used before.
func NewSession() string { return randomHex(8) }

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// run makes one script call on a room.
func (b *Backbone) run(s *pipeline.Script, room string, done func(*redis.Cmd, error), args ...any) {
	b.pipelines.Put(b.newCall(s, roomKey(room), done, args))
}

func (b *Backbone) newCall(s *pipeline.Script, key string, done func(*redis.Cmd, error), args []any) *pipeline.Call {
	c := &pipeline.Call{Script: s, Key: key, Deadline: time.Now().Add(b.opt.CallTimeout), Done: done}
	all := make([]any, 0, 4+len(args))
	all = append(all, "EVALSHA", &c.SHA, "1", key)
	c.Cmd = redis.NewCmd(bg, append(all, args...)...)
	return c
}
