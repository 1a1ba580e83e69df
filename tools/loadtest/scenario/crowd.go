//go:build linux

package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/fleet"
	"github.com/rejoin-dev/rejoin/tools/loadtest/procfs"
	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
)

// crowd is the users of a run: worker processes with a share each.
type crowd struct {
	workers []*crowdWorker
	orders  int // given

	mu     sync.Mutex
	all    map[string]report.Histogram // by name; guarded by mu, as what follows
	recent map[string]report.Histogram // since the last sample
}

type crowdWorker struct {
	*process
	last lap // guarded by the crowd's mu
}

// paces are rates of all workers together.
type paces struct {
	users, restarts rate
	again           rate // pairs that were cut
}

func newCrowd() *crowd {
	c := &crowd{all: map[string]report.Histogram{}, recent: map[string]report.Histogram{}}
	for _, name := range latencies {
		c.all[name], c.recent[name] = report.NewHistogram(), report.NewHistogram()
	}
	return c
}

// gather starts a worker for each server, and has them bring their shares of the pairs.
func (b *bench) gather(f *fleet.Fleet, all usersConfig, each paces) (*crowd, error) {
	c := newCrowd()
	n := min(len(f.Servers), all.Pairs)
	if share := 2 * ((all.Pairs + n - 1) / n); share > maxHeld {
		return nil, fmt.Errorf("%d users for each of %d processes, want at most %d: use more -instances", share, n, maxHeld)
	}
	for _, s := range f.Servers {
		all.Servers = append(all.Servers[:len(all.Servers):len(all.Servers)], s.Addr)
	}
	for i := range n {
		share := all
		share.First = i * all.Pairs / n
		share.Pairs = (i+1)*all.Pairs/n - share.First
		share.Cut = (i+1)*all.Cut/n - i*all.Cut/n
		share.Interval, share.Restart, share.Again = each.users.interval(n), each.restarts.interval(n), each.again.interval(n)
		if err := c.add(b.runner.Worker, assignment{Users: &share}); err != nil {
			return nil, errors.Join(err, c.dismiss())
		}
	}
	return c, nil
}

// add starts a worker.
func (c *crowd) add(command []string, job assignment) error {
	w := &crowdWorker{}
	p, err := startProcess(command, job, func(lines *json.Decoder) error { return c.take(w, lines) })
	if err != nil {
		return err
	}
	w.process = p
	c.workers = append(c.workers, w)
	return nil
}

// take takes a lap of a worker.
func (c *crowd) take(w *crowdWorker, lines *json.Decoder) error {
	var now lap
	if err := lines.Decode(&now); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, times := range now.Times {
		all, recent := c.all[name], c.recent[name]
		for _, d := range times {
			all.Record(d)
			recent.Record(d)
		}
	}
	now.Times = nil
	w.last = now
	return nil
}

// state is what all workers have told, some 250 ms ago.
func (c *crowd) state() lap {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := c.workers[0].last
	for _, w := range c.workers[1:] {
		sum.add(&w.last)
	}
	return sum
}

// order tells all workers.
func (c *crowd) order(o order) error {
	c.orders++
	for _, w := range c.workers {
		if err := w.orders.Encode(o); err != nil {
			return fmt.Errorf("order a worker to %s: %w", o, err)
		}
	}
	return nil
}

// await waits until what was ordered has been followed and a condition holds: false when it does not within the limit.
func (c *crowd) await(ctx context.Context, limit time.Duration, holds func(*lap) bool) (bool, error) {
	for end := time.Now().Add(limit); ; {
		now := c.state()
		if now.Error != "" {
			return false, fmt.Errorf("open a connection: %s", now.Error)
		}
		if now.Orders == c.orders && holds(&now) {
			return true, nil
		}
		for _, w := range c.workers {
			select {
			case <-w.ended:
				return false, errors.New("a worker has ended")
			default:
			}
		}
		if time.Now().After(end) {
			return false, nil
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return false, err
		}
	}
}

func settled(l *lap) bool { return l.Settled }

// tell adds what was found to a result.
func (c *crowd) tell(r *report.Result) {
	end := c.state()
	if !end.Settled {
		r.Problems = append(r.Problems, fmt.Sprintf("not all is well in the end: %d connected, %d away, %d given up", end.Opened, end.Away, end.Lost))
	}
	// Users that were given up failed or were disconnected, and are counted as such; users that are away are not.
	end.Tally.Failed += uint64(end.Away)
	r.Judge(end.Tally)
	first := cause(end.Cause)
	first.tell(r)
	r.Latencies = append(r.Latencies, c.summary()...)
}

// summary is the latencies that were measured, since reset.
func (c *crowd) summary() (all []report.Latency) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range latencies {
		if h := c.all[name]; h.Count() > 0 {
			all = append(all, h.Latency(name))
		}
	}
	return all
}

// reset forgets the latencies so far.
func (c *crowd) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range latencies {
		c.all[name].Reset()
		c.recent[name].Reset()
	}
}

// cpu is the processor time that the workers have used.
func (c *crowd) cpu() (sum time.Duration, err error) {
	for _, w := range c.workers {
		d, err := procfs.CPU(w.cmd.Process.Pid)
		if err != nil {
			return 0, fmt.Errorf("read the processor time of a worker: %w", err)
		}
		sum += d
	}
	return sum, nil
}

// dismiss ends the workers and with them their connections.
func (c *crowd) dismiss() error {
	if c == nil {
		return nil
	}
	var errs []error
	for _, w := range c.workers {
		errs = append(errs, w.dismiss())
	}
	return errors.Join(errs...)
}
