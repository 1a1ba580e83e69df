package pipeline

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxBatch     = 512    // calls in one pipeline
	maxQueued    = 20_000 // calls waiting in a worker; more are refused with ErrBusy
	firstBackoff = 5 * time.Millisecond
	lastBackoff  = 250 * time.Millisecond
	// RingSize is how many sends of one sender lua/send.lua remembers. No batch has more of them: when its
	// fate is unknown it is repeated, and a send that is not remembered would be stored twice.
	RingSize = 64
)

// worker makes the calls of one primary, one round trip at a time.
type worker struct {
	p    *Pipelines
	wake chan struct{}
	most int

	// answering is held while calls are answered, by run or by the alarm.
	answering sync.Mutex
	batch     []*Call // under way; guarded by answering

	mu     sync.Mutex
	queue  []*Call
	parked map[string]*parking // by key
	closed bool
	// earliest is no later than the first deadline of queue, parked and batch.
	earliest time.Time
	armed    bool // the alarm is set: nothing else looks at deadlines meanwhile

	// Owned by run.
	loaded bool           // the primary knows the scripts, as far as this worker can tell
	own    []Text         // scripts of the primary's own
	sends  map[string]int // by sender, scratch of take
	pause  time.Duration  // the last one, because of the server
	alarm  *time.Timer    // answers what runs out of time during a round trip

	// trouble says why the last round trip was not answered; nil when it was.
	trouble atomic.Pointer[trouble]
	busy    atomic.Bool // a round trip is under way
}

type trouble struct {
	err error
	at  time.Time
}

// staleTrouble is after how long without a call what is known of a primary is out of date: the next call finds out.
const staleTrouble = 2 * time.Second

// why says why the calls of this worker are not answered, nil if they are, as far as is known.
func (w *worker) why() error {
	t := w.trouble.Load()
	if t == nil || time.Since(t.at) > staleTrouble && !w.busy.Load() && w.queued() == 0 {
		return nil
	}
	return t.err
}

// parking is where the calls of one key wait.
type parking struct {
	calls []*Call
	until time.Time
}

func newWorker(p *Pipelines) *worker {
	w := &worker{p: p, wake: make(chan struct{}, 1), most: maxQueued, parked: map[string]*parking{}}
	w.alarm = time.AfterFunc(time.Hour, w.expireNow)
	w.alarm.Stop()
	return w
}

// put reports false if the queue is full.
func (w *worker) put(c *Call) bool {
	w.mu.Lock()
	switch {
	case w.closed:
		w.mu.Unlock()
		w.p.released(c) // after close, calls are forgotten
		return true
	case len(w.queue) >= w.most && !c.Urgent:
		w.mu.Unlock()
		return false
	}
	if c.Urgent {
		w.queue = slices.Insert(w.queue, 0, c)
	} else {
		w.queue = append(w.queue, c)
	}
	if w.earliest.IsZero() || c.Deadline.Before(w.earliest) {
		w.earliest = c.Deadline
		if w.armed { // for a later one
			w.alarm.Reset(max(time.Until(c.Deadline), slack))
		}
	}
	w.mu.Unlock()
	w.nudge()
	return true
}

func (w *worker) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *worker) queued() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.queue)
	for _, p := range w.parked {
		n += len(p.calls)
	}
	return n
}

func (w *worker) run(ctx context.Context) {
	defer w.shut()
	for ctx.Err() == nil {
		w.expire(time.Now())
		next := w.take(time.Now())
		if len(w.batch) == 0 {
			w.sleep(ctx, next)
			continue
		}
		if pause := w.exec(ctx); pause > 0 {
			w.rest(ctx, pause)
		}
	}
}

// take moves what may be called now from the queue to the batch, and returns when there will be more by itself; zero: never.
func (w *worker) take(now time.Time) (next time.Time) {
	w.answering.Lock()
	defer w.answering.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	next = w.unpark(now)
	defer clear(w.sends)
	if wait := w.company(now); !wait.IsZero() {
		if next.IsZero() || wait.Before(next) {
			next = wait
		}
		return next
	}
	batch, i := w.batch[:0], 0
	for ; i < len(w.queue) && len(batch) < w.p.opt.MaxBatch; i++ {
		c := w.queue[i]
		if len(w.parked) > 0 {
			if p := w.parked[c.Key]; p != nil {
				p.calls = append(p.calls, c)
				continue
			}
		}
		if c.Sender != "" && i >= RingSize && !w.fitsRing(c.Sender, batch) {
			break
		}
		batch = append(batch, c)
	}
	w.batch = batch
	rest := copy(w.queue, w.queue[i:])
	clear(w.queue[rest:])
	w.queue = w.queue[:rest]
	if cap(w.queue) > 4*maxBatch && rest == 0 {
		w.queue = nil // a burst is over: do not hold its memory
	}
	return next
}

// company returns until when all calls of the queue can wait for another one to travel with; zero when one of them cannot, or there is none.
func (w *worker) company(now time.Time) (until time.Time) {
	for _, c := range w.queue {
		if !c.Until.After(now) {
			return time.Time{}
		}
		if until.IsZero() || c.Until.Before(until) {
			until = c.Until
		}
	}
	return until
}

// fitsRing reports whether a batch may have one more send of a sender.
func (w *worker) fitsRing(sender string, batch []*Call) bool {
	if w.sends == nil {
		w.sends = map[string]int{}
	}
	if len(w.sends) == 0 {
		for _, c := range batch {
			if c.Sender != "" {
				w.sends[c.Sender]++
			}
		}
	}
	if w.sends[sender] >= RingSize {
		return false
	}
	w.sends[sender]++
	return true
}

// unpark puts the calls of keys that have waited long enough in front of all others, and returns when the next are due.
func (w *worker) unpark(now time.Time) (next time.Time) {
	var due []*Call
	for key, p := range w.parked {
		if !p.until.After(now) {
			due = append(due, p.calls...)
			delete(w.parked, key)
		} else if next.IsZero() || p.until.Before(next) {
			next = p.until
		}
	}
	w.queue = slices.Insert(w.queue, 0, due...)
	return next
}

// requeue takes back what has to be repeated: of the server's calls all, in front of the queue; of the others each
// to the place where its key waits.
func (w *worker) requeue(server, rooms []*Call, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = slices.Insert(w.queue, 0, server...)
	for _, c := range rooms {
		p := w.parked[c.Key]
		if p == nil {
			p = &parking{until: now.Add(min(firstBackoff<<c.tries, lastBackoff))}
			w.parked[strings.Clone(c.Key)] = p
		}
		c.tries = min(c.tries+1, 6)
		p.calls = append(p.calls, c)
	}
}

// sleep waits for calls, or for the time when parked ones are due.
func (w *worker) sleep(ctx context.Context, until time.Time) {
	if until.IsZero() {
		select {
		case <-w.wake:
		case <-ctx.Done():
		}
		return
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-w.wake:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// rest waits before the server is asked again, and answers what runs out of time meanwhile.
func (w *worker) rest(ctx context.Context, d time.Duration) {
	w.arm()
	defer w.disarm()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// shut answers what is left. Nothing is put any more.
func (w *worker) shut() {
	w.disarm()
	w.answering.Lock()
	defer w.answering.Unlock()
	w.mu.Lock()
	w.closed = true
	left := append(slices.Clone(w.batch), w.queue...)
	for _, p := range w.parked {
		left = append(left, p.calls...)
	}
	w.queue, w.batch, w.parked = nil, nil, nil
	w.mu.Unlock()
	for _, c := range left {
		if !c.answered {
			c.Done(c.Cmd, ErrClosed)
		}
		w.p.released(c)
	}
}
