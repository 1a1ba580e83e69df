package streams

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// call is one script call on its way through a batcher. It is owned by the batcher from put until done.
type call struct {
	script   *script
	cmd      *redis.Cmd
	deadline time.Time
	done     func(*redis.Cmd, error) // runs on the batcher's goroutine and must not block
}

// batcher gathers calls into pipelines: it takes the first, drains what waits, and makes one Exec. There is
// no timer: a lone call leaves at once, and the longer Redis takes, the more calls share the next round trip.
// A room always goes to the same worker, so its steps keep their order.
//
// A call whose fate is unknown (time-out, lost connection) is repeated until its deadline: every script may
// be repeated. While it is, the calls behind it wait; that is the order they were made in.
type batcher struct {
	client  redis.UniversalClient
	metrics *metrics
	workers []*worker
	// refusals are the calls that found their worker's queue full.
	refusals *worker
	wg       sync.WaitGroup
	stop     context.CancelFunc
}

type worker struct {
	mu     sync.Mutex
	queue  []*call // guarded by mu
	closed bool    // guarded by mu
	wake   chan struct{}
	most   int
}

const (
	maxBatch     = 512    // calls in one pipeline
	maxQueued    = 20_000 // calls waiting in one worker; more are refused with ErrBusy
	firstBackoff = 5 * time.Millisecond
	lastBackoff  = 250 * time.Millisecond
)

func newBatcher(client redis.UniversalClient, n int, m *metrics) *batcher {
	ctx, cancel := context.WithCancel(context.Background())
	b := &batcher{client: client, metrics: m, stop: cancel, refusals: &worker{wake: make(chan struct{}, 1)}}
	b.wg.Go(func() { b.runRefusals(ctx) })
	for range n {
		w := &worker{wake: make(chan struct{}, 1), most: maxQueued}
		b.workers = append(b.workers, w)
		b.wg.Go(func() { b.run(ctx, w) })
	}
	return b
}

// put hands a call over. It never blocks and never calls done itself, so it may be called with locks held
// that done takes. After close, calls are forgotten.
func (b *batcher) put(shard string, c *call) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(shard))
	w := b.workers[h.Sum32()%uint32(len(b.workers))] //nolint:gosec // a handful of workers
	w.mu.Lock()
	switch {
	case w.closed:
		w.mu.Unlock()
		return
	case len(w.queue) >= w.most:
		w.mu.Unlock()
		b.refuse(c)
		return
	}
	w.queue = append(w.queue, c)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// close answers what waits with ErrClosed and ends the workers. It blocks for at most one round trip.
func (b *batcher) close() {
	b.stop()
	b.wg.Wait()
}

// refuse answers a call with ErrBusy from a goroutine that Redis cannot hold up.
func (b *batcher) refuse(c *call) {
	b.refusals.mu.Lock()
	b.refusals.queue = append(b.refusals.queue, c)
	b.refusals.mu.Unlock()
	select {
	case b.refusals.wake <- struct{}{}:
	default:
	}
}

func (b *batcher) runRefusals(ctx context.Context) {
	var batch []*call
	for {
		select {
		case <-b.refusals.wake:
			for batch = b.refusals.take(batch); len(batch) > 0; batch = b.refusals.take(batch) {
				finish(batch, fmt.Errorf("%w: %d calls are waiting", ErrBusy, maxQueued))
			}
		case <-ctx.Done():
			return
		}
	}
}

func (w *worker) take(dst []*call) []*call {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.queue), maxBatch)
	dst = append(dst[:0], w.queue[:n]...)
	rest := copy(w.queue, w.queue[n:])
	clear(w.queue[rest:])
	w.queue = w.queue[:rest]
	if cap(w.queue) > 4*maxBatch && rest == 0 {
		w.queue = nil // a burst is over: do not hold its memory
	}
	return dst
}

func (b *batcher) run(ctx context.Context, w *worker) {
	pipe := b.client.Pipeline()
	var batch []*call
	for {
		batch = w.take(batch)
		if len(batch) > 0 {
			b.serve(ctx, pipe, batch)
			continue
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			w.mu.Lock()
			w.closed = true
			left := w.queue
			w.queue = nil
			w.mu.Unlock()
			finish(left, ErrClosed)
			return
		}
	}
}

func finish(calls []*call, err error) {
	for _, c := range calls {
		c.done(c.cmd, err)
	}
}

// serve repeats a batch until each of its calls has an answer or has run out of time.
func (b *batcher) serve(ctx context.Context, pipe redis.Pipeliner, batch []*call) {
	backoff := firstBackoff
	batch = expire(batch, time.Now()) // what waited too long was never sent
	for len(batch) > 0 {
		before := len(batch)
		batch = b.exec(ctx, pipe, batch)
		if len(batch) == 0 {
			return
		}
		if len(batch) < before {
			backoff = firstBackoff
		}
		timer := time.NewTimer(backoff)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			finish(batch, ErrClosed)
			return
		}
		backoff = min(2*backoff, lastBackoff)
		batch = expire(batch, time.Now())
	}
}

// exec makes one round trip (two when scripts were unknown) and returns the calls to repeat, in order.
func (b *batcher) exec(ctx context.Context, pipe redis.Pipeliner, batch []*call) []*call {
	started := time.Now()
	for _, c := range batch {
		c.cmd.SetErr(nil)
		_ = pipe.Process(ctx, c.cmd)
	}
	_, _ = pipe.Exec(ctx) // each command carries its own error
	took := time.Since(started)
	b.metrics.batch(len(batch))

	var again, load []*call
	for _, c := range batch {
		err := c.cmd.Err()
		switch judge(err) {
		case answered:
			b.metrics.call(c.script, took, err)
			c.done(c.cmd, notNil(err))
		case refused:
			b.metrics.call(c.script, took, err)
			c.done(c.cmd, fmt.Errorf("%w: %w", ErrBusy, err))
		case unloaded:
			load = append(load, c)
		case repeat:
			again = append(again, c)
		}
	}
	if len(load) > 0 {
		again = append(b.load(ctx, load), again...)
	}
	if len(again) > 0 {
		b.metrics.repeated(len(again))
	}
	return again
}

func notNil(err error) error {
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

// load makes the scripts of the given calls known and returns the calls for another round.
func (b *batcher) load(ctx context.Context, calls []*call) []*call {
	seen := map[*script]bool{}
	for _, c := range calls {
		if !seen[c.script] {
			seen[c.script] = true
			_ = loadOnce(ctx, b.client, c.script)
		}
	}
	return calls
}

// loadOnce loads a script on every primary.
func loadOnce(ctx context.Context, client redis.UniversalClient, s *script) error {
	if cluster, ok := client.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			return node.ScriptLoad(ctx, s.source).Err()
		})
	}
	return client.ScriptLoad(ctx, s.source).Err()
}

// expire answers the calls whose time is up and returns the others.
func expire(batch []*call, now time.Time) []*call {
	rest := batch[:0]
	for _, c := range batch {
		if now.After(c.deadline) {
			c.done(c.cmd, unavailable(c.cmd.Err()))
			continue
		}
		rest = append(rest, c)
	}
	return rest
}

func unavailable(cause error) error {
	if cause == nil {
		return ErrUnavailable
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, cause)
}
