package streams

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

	sender  string    // whose send this is, empty for other calls
	sha     string    // of a send: an argument, the worker's at every attempt
	waited  *int64    // an argument: ms since started, brought up to date at every attempt; nil for most calls
	started time.Time // set when waited is
}

// batcher gathers calls into pipelines: it takes the first, drains what waits, and makes one Exec. There is
// no timer: a lone call leaves at once, and the longer Redis takes, the more calls share the next round trip.
// There is one worker, so all steps keep their order.
//
// A call whose fate is unknown (time-out, lost connection) is repeated until its deadline: every script may
// be repeated. While it is, the calls behind it wait; that is the order they were made in.
type batcher struct {
	client  redis.UniversalClient
	scripts []*script // all but send
	send    sendScripts
	metrics *metrics
	need    replicas
	worker  *worker
	// refusals are the calls that found the worker's queue full.
	refusals *worker
	wg       sync.WaitGroup
	stop     context.CancelFunc
}

// sendScripts makes the send script of a primary, or with nil that of all primaries of a cluster.
type sendScripts func(context.Context, *redis.Conn) (*script, error)

type worker struct {
	mu     sync.Mutex
	queue  []*call // guarded by mu
	closed bool    // guarded by mu
	wake   chan struct{}
	most   int
	sends  map[string]int // by sender, scratch of take
	loaded bool           // owned by run: every primary knows the scripts, as far as this worker can tell
	sha    string         // owned by run: of the send script of that primary
}

const (
	maxBatch     = 512    // calls in one pipeline
	maxQueued    = 20_000 // calls waiting in the worker; more are refused with ErrBusy
	firstBackoff = 5 * time.Millisecond
	lastBackoff  = 250 * time.Millisecond
	// ringSize is how many sends of one sender lua/send.lua remembers. No batch has more of them: when its
	// fate is unknown it is repeated, and what is not remembered would be stored twice.
	ringSize = 64
)

func newBatcher(client redis.UniversalClient, scripts []*script, send sendScripts, need replicas, m *metrics) *batcher {
	ctx, cancel := context.WithCancel(context.Background())
	b := &batcher{client: client, scripts: scripts, send: send, need: need, metrics: m, stop: cancel}
	b.worker = &worker{wake: make(chan struct{}, 1), most: maxQueued}
	b.refusals = &worker{wake: make(chan struct{}, 1)}
	b.wg.Go(func() { b.runRefusals(ctx) })
	b.wg.Go(func() { b.run(ctx, b.worker) })
	return b
}

// put hands a call over. It never blocks and never calls done itself, so it may be called with locks held
// that done takes. After close, calls are forgotten.
func (b *batcher) put(c *call) {
	w := b.worker
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

// close answers what waits with ErrClosed and ends the goroutines. It blocks for at most one round trip.
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

// waiting is how many calls are in the worker's queue.
func (b *batcher) waiting() int {
	b.worker.mu.Lock()
	defer b.worker.mu.Unlock()
	return len(b.worker.queue)
}

func (w *worker) take(dst []*call) []*call {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.repeatable(min(len(w.queue), maxBatch))
	dst = append(dst[:0], w.queue[:n]...)
	rest := copy(w.queue, w.queue[n:])
	clear(w.queue[rest:])
	w.queue = w.queue[:rest]
	if cap(w.queue) > 4*maxBatch && rest == 0 {
		w.queue = nil // a burst is over: do not hold its memory
	}
	return dst
}

// repeatable returns how many of the first n calls may share a batch that might have to be repeated.
func (w *worker) repeatable(n int) int {
	if n <= ringSize {
		return n
	}
	if w.sends == nil {
		w.sends = map[string]int{}
	}
	defer clear(w.sends)
	for i, c := range w.queue[:n] {
		if c.sender == "" {
			continue
		}
		if w.sends[c.sender] == ringSize {
			return i
		}
		w.sends[c.sender]++
	}
	return n
}

func (b *batcher) run(ctx context.Context, w *worker) {
	pipe := b.client.Pipeline()
	var batch []*call
	for {
		batch = w.take(batch)
		if len(batch) > 0 {
			b.serve(ctx, w, pipe, batch)
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
func (b *batcher) serve(ctx context.Context, w *worker, pipe redis.Pipeliner, batch []*call) {
	backoff := firstBackoff
	batch = w.expire(batch, time.Now()) // what waited too long was never sent
	for len(batch) > 0 {
		before := len(batch)
		batch = b.exec(ctx, w, pipe, batch)
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
		batch = w.expire(batch, time.Now())
	}
}

// exec makes one round trip (two when scripts may be unknown) and returns the calls to repeat, in order.
func (b *batcher) exec(ctx context.Context, w *worker, pipe redis.Pipeliner, batch []*call) []*call {
	if err := b.load(ctx, w); err != nil {
		return fail(batch, err)
	}
	started := time.Now()
	for _, c := range batch {
		c.cmd.SetErr(nil)
		if c.sender != "" {
			c.sha = w.sha
		}
		if c.waited != nil {
			*c.waited = started.Sub(c.started).Milliseconds()
		}
		_ = pipe.Process(ctx, c.cmd)
	}
	wait, err := b.need.prepare(ctx, b.client, pipe, batch)
	if err != nil {
		pipe.Discard()
		return fail(batch, err)
	}
	_, _ = pipe.Exec(ctx) // each command carries its own error
	few := wait.done(ctx)
	took := time.Since(started)
	b.metrics.batch(len(batch))

	var again []*call
	for _, c := range batch {
		err := c.cmd.Err()
		verdict := judge(err)
		if verdict == answered && few != nil {
			verdict = repeat
			c.cmd.SetErr(few)
		}
		switch verdict {
		case answered:
			b.metrics.call(c.script, took, err)
			c.done(c.cmd, notNil(err))
		case refused:
			b.metrics.call(c.script, took, err)
			c.done(c.cmd, fmt.Errorf("%w: %w", ErrBusy, err))
		case unloaded, repeat:
			again = append(again, c)
		}
	}
	if len(again) > 0 {
		w.loaded = false
		b.metrics.repeated(len(again))
	}
	return again
}

// fail says why a batch was not sent.
func fail(batch []*call, err error) []*call {
	for _, c := range batch {
		c.cmd.SetErr(err)
	}
	return batch
}

// load makes all scripts known before the first batch, and before the next one after something went wrong: a server
// that was restarted or promoted does not know them. Waiting for its NOSCRIPT instead would be wrong, because
// another instance may load them while it works on our pipeline: it would refuse the first calls and serve the
// later ones, out of order.
func (b *batcher) load(ctx context.Context, w *worker) error {
	if w.loaded {
		return nil
	}
	send, err := b.loadScripts(ctx)
	w.loaded = err == nil
	if send != nil {
		w.sha = send.sha
	}
	if _, cluster := b.client.(*redis.ClusterClient); cluster {
		return nil // one primary that is away does not stop the others
	}
	return err
}

// loadScripts loads all scripts. The primary is asked who it is on the connection that the scripts are loaded on: there may be
// another one a moment later.
func (b *batcher) loadScripts(ctx context.Context) (*script, error) {
	client, single := b.client.(*redis.Client)
	if !single {
		send, err := b.send(ctx, nil)
		if err != nil {
			return nil, err
		}
		return send, loadEverywhere(ctx, b.client, append(slices.Clone(b.scripts), send))
	}
	conn := client.Conn()
	defer conn.Close()
	send, err := b.send(ctx, conn)
	if err != nil {
		return nil, err
	}
	return send, load(ctx, conn, append(slices.Clone(b.scripts), send))
}

func notNil(err error) error {
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

// expire answers the calls whose time is up and returns the others. With a send go those that its sender made behind it:
// they would be stored before it, which the client is going to send again.
func (w *worker) expire(batch []*call, now time.Time) []*call {
	var late map[string]bool // senders
	rest := batch[:0]
	for _, c := range batch {
		switch {
		case now.After(c.deadline):
			if c.sender != "" {
				if late == nil {
					late = map[string]bool{}
				}
				late[strings.Clone(c.sender)] = true // its memory is used again
			}
		case !late[c.sender]:
			rest = append(rest, c)
			continue
		}
		c.done(c.cmd, unavailable(c.cmd.Err()))
	}
	if late != nil { // by now their senders know, and put no more
		finish(w.remove(late), ErrUnavailable)
	}
	return rest
}

// remove takes the sends of these senders out of the queue, in order.
func (w *worker) remove(senders map[string]bool) (removed []*call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = slices.DeleteFunc(w.queue, func(c *call) bool {
		if senders[c.sender] {
			removed = append(removed, c)
			return true
		}
		return false
	})
	return removed
}

func unavailable(cause error) error {
	if cause == nil {
		return ErrUnavailable
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, cause)
}
