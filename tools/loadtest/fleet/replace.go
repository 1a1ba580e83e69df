package fleet

import (
	"context"
	"errors"
	"time"
)

// drainTimeout is how long an instance may take to end when it is asked to: Signal's DRAIN_TIMEOUT is 8 s.
const drainTimeout = 12 * time.Second

// End ends the i-th instance and blocks until it is reaped: with SIGKILL, or with SIGTERM and the time to drain. CPU counts what it uses
// until then, RSS counts nothing of it any more.
func (f *Fleet) End(i int, kill bool) {
	old := f.Servers[i]
	f.mu.Lock()
	used, _ := old.cpu() // one that has ended by itself fails the run elsewhere
	f.past[i] += used
	f.Servers[i] = &Process{Name: old.Name, Addr: old.Addr}
	f.mu.Unlock()
	count := func(now time.Duration) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.past[i] += max(0, now-used)
		used = max(used, now)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if kill {
			old.Kill()
		} else {
			old.stopWithin(drainTimeout)
		}
	}()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if now, err := old.cpu(); err == nil {
				count(now)
			}
			continue
		case <-ended:
		}
		if state := old.cmd.ProcessState; state != nil {
			count(state.UserTime() + state.SystemTime())
		}
		return
	}
}

// Begin starts the i-th instance again, at the address that it had, and returns when it is ready.
func (f *Fleet) Begin(ctx context.Context, i int) error {
	before := f.Servers[i]
	if before.PID != 0 {
		return errors.New("it runs")
	}
	p, err := f.startServer(ctx, f.plan, before.Name, before.Addr)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Servers[i] = p
	return nil
}

// RestartRedis kills Redis and starts it again after some time, empty, at the address that it had.
func (f *Fleet) RestartRedis(ctx context.Context, after time.Duration) error {
	old := f.Redis
	f.mu.Lock()
	f.Redis = &Process{Name: old.Name, Addr: old.Addr}
	f.mu.Unlock()
	old.Kill()
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	p, err := startRedisAt(ctx, f.plan.Redis, f.dir, old.Addr)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Redis = p
	return nil
}
