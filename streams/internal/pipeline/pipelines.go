package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// Options of Pipelines; all fields must be set but Replicas.
type Options struct {
	// Scripts are loaded at every primary, with what Own makes for it.
	Scripts []*Script
	// Own makes the scripts of the primary at conn that no other primary has, or with nil those of all primaries of a cluster: by Script.Own.
	Own func(ctx context.Context, conn *redis.Conn) ([]Text, error)
	// Names are those of all scripts, for the metrics.
	Names []string
	// Replicas is how many replicas must have what a batch wrote before its calls are answered.
	Replicas Replicas
	// MaxBatch is the most calls in one round trip; 0: 512.
	MaxBatch int
	// IOTimeout is how long one round trip may take.
	IOTimeout  time.Duration
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// Pipelines are those of one instance, one to each primary. Put may be called from anywhere.
type Pipelines struct {
	opt     Options
	metrics *metrics
	ctx     context.Context
	stop    context.CancelFunc
	wg      sync.WaitGroup

	client atomic.Pointer[connection]
	// first has all calls of a single server; of a cluster those whose primary is not known yet.
	first *worker
	// refusals are the calls that found their queue full.
	refusals refusals

	routing  atomic.Bool // calls go to the worker of their primary
	mu       sync.Mutex
	workers  map[string]*worker       // by the primary's ID
	nodes    map[string]*redis.Client // primaries by address
	table    *[slots]*worker          // nil entries: not known
	ranges   []redis.ClusterSlot      // what table was made of
	inflight map[uint16]*flight       // by slot: the calls that are queued or under way
	kick     chan struct{}            // the table may be out of date
}

// flight keeps the calls of a slot at one worker while there are any: that is what keeps them in order.
type flight struct {
	w *worker
	n int
}

type connection struct {
	client redis.UniversalClient
	err    error // why there is none
}

var errConnecting = errors.New("connecting")

// New returns Pipelines that take calls at once and answer them when there is a client; see Connect.
func New(opt Options) *Pipelines {
	p := &Pipelines{
		opt: opt, metrics: newMetrics(opt.Registerer, opt.Names), workers: map[string]*worker{}, inflight: map[uint16]*flight{}, nodes: map[string]*redis.Client{},
		kick: make(chan struct{}, 1),
	}
	if p.opt.MaxBatch == 0 {
		p.opt.MaxBatch = maxBatch
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.client.Store(&connection{err: errConnecting})
	p.metrics.watch(opt.Registerer, p)
	p.refusals.p, p.refusals.wake = p, make(chan struct{}, 1)
	p.first = newWorker(p)
	p.wg.Go(func() { p.refusals.run(p.ctx) })
	p.wg.Go(func() { p.first.run(p.ctx) })
	return p
}

// Connect gives the workers their client, once. With that of a cluster, Watch must run.
func (p *Pipelines) Connect(client redis.UniversalClient) {
	p.client.Store(&connection{client: client})
	p.first.nudge()
}

// Disconnected says why there is no client yet: it becomes part of the answers.
func (p *Pipelines) Disconnected(err error) { p.client.Store(&connection{err: err}) }

func (p *Pipelines) connected() (redis.UniversalClient, error) {
	c := p.client.Load()
	return c.client, c.err
}

// Put hands a call over. It never blocks and never calls Done itself, so it may be called with locks held
// that Done takes. After Close, calls are forgotten.
func (p *Pipelines) Put(c *Call) {
	w := p.first
	if p.routing.Load() {
		w = p.route(c)
	}
	if !w.put(c) {
		p.refusals.add(c)
	}
}

// released gives the memory of a call back, and its place in the order of its slot.
func (p *Pipelines) released(c *Call) {
	if c.routed {
		p.landed(c.slot)
	}
	if c.Release != nil {
		c.Release()
	}
}

// Queued is how many calls wait in the queues.
func (p *Pipelines) Queued() int {
	n := p.first.queued()
	for _, w := range p.all() {
		n += w.queued()
	}
	return n
}

func (p *Pipelines) all() []*worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]*worker, 0, len(p.workers))
	for _, w := range p.workers {
		list = append(list, w)
	}
	return list
}

// Trouble says why calls of a key are not answered at the moment, nil if they are, as far as is known.
func (p *Pipelines) Trouble(key string) error {
	w := p.first
	if p.routing.Load() {
		p.mu.Lock()
		w = p.workerOf(Slot(key))
		p.mu.Unlock()
	}
	return w.why()
}

// AllAway says why no primary answers, nil if one does.
func (p *Pipelines) AllAway() (why error) {
	if !p.routing.Load() {
		return p.first.why()
	}
	all, away := p.primaries()
	if away < all {
		return nil
	}
	for _, w := range p.served() {
		why = w.why()
	}
	return why
}

// primaries returns how many primaries there are, and how many do not answer.
func (p *Pipelines) primaries() (all, away int) {
	served := p.served()
	for _, w := range served {
		if w.why() != nil {
			away++
		}
	}
	return len(served), away
}

// Close ends the workers and answers what waits with ErrClosed. It blocks while round trips are under way: close the client
// to cut them short.
func (p *Pipelines) Close() {
	p.stop()
	p.wg.Wait()
}

// Stop tells the workers to end, and does not wait.
func (p *Pipelines) Stop() { p.stop() }

// refusals answers calls with ErrBusy, from a goroutine that Redis cannot hold up.
type refusals struct {
	mu    sync.Mutex
	calls []*Call
	wake  chan struct{}
	p     *Pipelines
}

func (r *refusals) add(c *Call) {
	r.mu.Lock()
	r.calls = append(r.calls, c)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *refusals) run(ctx context.Context) {
	for {
		select {
		case <-r.wake:
			r.mu.Lock()
			calls := r.calls
			r.calls = nil
			r.mu.Unlock()
			for _, c := range calls {
				c.Done(c.Cmd, fmt.Errorf("%w: %d calls are waiting", ErrBusy, maxQueued))
				r.p.released(c)
			}
		case <-ctx.Done():
			return
		}
	}
}
