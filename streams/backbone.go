package streams

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// Handler is told what happens elsewhere. Its methods are called by one goroutine at a time each; they must not block.
type Handler interface {
	// Bell is one doorbell. b and its strings may be kept; b itself is reused.
	Bell(b *Bell)
	// Reconcile: doorbells may have been lost; every session held here must Sync.
	Reconcile()
	// Regenerate: the primary changed or lost its data; every session held here must be attached again (Restore).
	Regenerate()
	// Ended is told of every session that ends, at the instance whose step ended it, once. It may be called by several
	// goroutines at a time. What ended while Redis' answer was lost is not told.
	Ended(e *Ended)
	// Instances is called after each renewal of the lease with all instances that have one.
	Instances(live map[string]bool)
}

// Backbone is one instance's access to Redis. Its methods are safe for concurrent use and never block,
// unless they say so; answers arrive by callback, on a goroutine of the backbone, and callbacks must not block.
type Backbone struct {
	opt     Options
	log     *slog.Logger
	client  redis.UniversalClient
	local   *embedded // nil with a real Redis
	metrics *metrics
	batcher *batcher
	handler Handler
	// deaf is "1" where PUBLISH that reaches nobody proves that nobody listens: not on a cluster, where
	// the count is that of one node.
	deaf     string
	send     *script
	sendings sync.Pool // of *sending

	cancel context.CancelFunc
	wg     sync.WaitGroup

	subscribed atomic.Bool
	renewed    atomic.Int64 // when the lease was last renewed, Unix ns; 0 never
}

// silenceDriver keeps go-redis from printing to stderr what it also returns: every error is counted or logged here.
var silenceDriver = sync.OnceFunc(logging.Disable)

// Open prepares a Backbone; it fails on bad options only. Redis need not be there yet.
func Open(opt Options) (*Backbone, error) {
	silenceDriver()
	opt = opt.withDefaults()
	if opt.Instance == "" {
		opt.Instance = randomHex(8)
	}
	b := &Backbone{opt: opt, log: opt.Logger, deaf: "1"}
	ro := &redis.UniversalOptions{}
	if opt.URL == "" {
		if opt.WaitReplicas != 0 {
			return nil, errors.New("the embedded Redis has no replicas to wait for")
		}
		var err error
		if b.local, err = startEmbedded(); err != nil {
			return nil, err
		}
		ro.Addrs = []string{b.local.server.Addr()}
	} else {
		var err error
		if ro, err = ParseURL(opt.URL); err != nil {
			return nil, fmt.Errorf("parse redis URL: %w", err)
		}
	}
	if ro.IsClusterMode {
		b.deaf = "0"
	}
	tune(ro)
	b.client = redis.NewUniversalClient(ro)
	b.send = newSendScript(opt, "''")
	all := append(slices.Clone(scripts), b.send)
	b.metrics = newMetrics(opt.Registerer, all)
	b.sendings.New = newSending
	b.batcher = newBatcher(b.client, scripts, b.sendScript, replicas(opt.WaitReplicas), b.metrics)
	b.metrics.watch(opt.Registerer, b.batcher)
	return b, nil
}

// Embedded reports whether this Backbone runs on the in-process Redis.
func (b *Backbone) Embedded() bool { return b.local != nil }

// Instance returns this instance's name.
func (b *Backbone) Instance() string { return b.opt.Instance }

// Grace returns the grace window.
func (b *Backbone) Grace() time.Duration { return b.opt.Grace }

// Start subscribes and takes the lease; from then on h is called. It does not wait for Redis; see Ready.
func (b *Backbone) Start(h Handler) {
	ctx, cancel := context.WithCancel(context.Background())
	b.handler, b.cancel = h, cancel
	b.wg.Go(func() { b.subscribe(ctx) })
	b.wg.Go(func() { b.keepLease(ctx) })
}

// Ready says why this instance should get no new clients, nil if it should.
func (b *Backbone) Ready() error {
	if !b.subscribed.Load() {
		return errors.New("redis: not subscribed to the doorbells")
	}
	if time.Since(time.Unix(0, b.renewed.Load())) > b.opt.Lease {
		return errors.New("redis: lease not renewed")
	}
	return nil
}

// Close gives up the lease and ends everything. It blocks until done, at most a few round trips.
func (b *Backbone) Close(ctx context.Context) error {
	if b.cancel != nil {
		b.cancel()
		b.wg.Wait()
		if err := b.lease(ctx, 0); err != nil {
			b.log.Warn("lease not given up", "error", err)
		}
	}
	b.batcher.close()
	err := b.client.Close()
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

// run puts one script call into the batcher.
func (b *Backbone) run(s *script, room string, done func(*redis.Cmd, error), args ...any) {
	b.batcher.put(b.newCall(s, room, done, args))
}

func (b *Backbone) newCall(s *script, room string, done func(*redis.Cmd, error), args []any) *call {
	all := make([]any, 0, 4+len(args))
	all = append(all, "EVALSHA", s.sha, "1", roomKey(room))
	all = append(all, args...)
	return &call{
		script:   s,
		cmd:      redis.NewCmd(bg, all...),
		deadline: time.Now().Add(b.opt.CallTimeout),
		done:     done,
	}
}
