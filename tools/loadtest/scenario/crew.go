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
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// crew is the workers of a run: one for each server, which holds its share of the connections.
type crew struct{ workers []*worker }

// worker is a process that holds connections.
type worker struct {
	*process

	mu   sync.Mutex
	last held // guarded by mu
}

// hire starts a worker for each server and has them open their shares.
func (b *bench) hire(f *fleet.Fleet, all holding, perSecond rate) (*crew, error) {
	c := &crew{}
	n := len(f.Servers)
	if share := (all.Count + n - 1) / n; share > maxHeld {
		return nil, fmt.Errorf("%d connections for each of %d processes, want at most %d: use more of them", share, n, maxHeld)
	}
	for i, server := range f.Servers {
		share := all
		share.Addr = server.Addr
		share.First = all.First + all.Count/n/all.PerRoom*all.PerRoom*i
		share.Count = all.Count / n / all.PerRoom * all.PerRoom
		if i == n-1 {
			share.Count = all.Count - share.Count*i
		}
		share.Interval = perSecond.interval(n)
		w, err := b.startWorker(share)
		if err != nil {
			return nil, errors.Join(err, c.dismiss())
		}
		c.workers = append(c.workers, w)
	}
	return c, nil
}

func (b *bench) startWorker(what holding) (_ *worker, err error) {
	w := &worker{}
	w.process, err = startProcess(b.runner.Worker, assignment{Hold: &what}, w.take)
	return w, err
}

// take keeps the latest that the worker told.
func (w *worker) take(lines *json.Decoder) error {
	var now held
	if err := lines.Decode(&now); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = now
	return nil
}

// state is what all workers hold, as of some 250 ms ago. The ramp has taken as long as the slowest took.
func (c *crew) state() held {
	sum := held{Settled: true}
	for _, w := range c.workers {
		w.mu.Lock()
		now := w.last
		w.mu.Unlock()
		sum.Opened += now.Opened
		sum.Failed += now.Failed
		sum.Disconnected += now.Disconnected
		sum.Unexpected += now.Unexpected
		sum.Pings += now.Pings
		sum.Nanoseconds = max(sum.Nanoseconds, now.Nanoseconds)
		sum.Settled = sum.Settled && now.Settled
		if now.Error != "" {
			sum.Error = now.Error
		}
	}
	return sum
}

// settle waits until all connections are open, or failed.
func (c *crew) settle(ctx context.Context, say func(string, ...any)) (held, error) {
	said := time.Now()
	for {
		now := c.state()
		switch {
		case now.Error != "":
			return now, fmt.Errorf("open a connection: %s", now.Error)
		case now.Settled:
			return now, nil
		}
		for _, w := range c.workers {
			select {
			case <-w.ended:
				return now, errors.New("a worker has ended")
			default:
			}
		}
		if time.Since(said) > time.Second {
			said = time.Now()
			say("%d connections are open", now.Opened)
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return now, err
		}
	}
}

// tally is the workers' part of the books.
func (h held) tally() traffic.Tally {
	return traffic.Tally{Failed: uint64(h.Failed), Disconnected: uint64(h.Disconnected), Unexpected: uint64(h.Unexpected)}
}

// dismiss ends the workers and with them their connections.
func (c *crew) dismiss() error {
	if c == nil {
		return nil
	}
	var errs []error
	for _, w := range c.workers {
		errs = append(errs, w.dismiss())
	}
	return errors.Join(errs...)
}
