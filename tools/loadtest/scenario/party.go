//go:build linux

package scenario

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/fleet"
	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
)

// party is a crowd with its servers:
//
//	start ──► come ──► restartFor … ──► finish ──► stop
type party struct {
	*bench
	crowdConfig
	every time.Duration // from one sample to the next
	fleet *fleet.Fleet
	crowd *crowd
	watch *watch
	leave context.CancelFunc // ends the watch

	// before the first user came
	began  time.Time
	cpu    fleet.CPU
	memory memory
}

// start starts servers, and a crowd that comes to them.
func (p *party) start(ctx context.Context, r *report.Result, what usersConfig) (err error) {
	if p.fleet, err = p.servers(ctx, report.SubjectRejoin, p.instances, pinned(p.opt)); err != nil {
		return err
	}
	*r = report.Result{Subject: report.SubjectRejoin, Settings: append(p.fleet.Settings(), p.settings(what.Dialect)...)}
	if p.memory, err = memoryOf(p.fleet); err != nil {
		return err
	}
	if p.cpu, err = p.fleet.CPU(); err != nil {
		return err
	}
	what.Run = strconv.FormatInt(time.Now().UnixNano(), 36)
	what.Pairs, what.Pending, what.Candidates = p.users/2, p.opt.pending, p.candidates
	p.began = time.Now()
	if p.crowd, err = p.gather(p.fleet, what, paces{p.rate, p.restarts, p.again}); err != nil {
		return err
	}
	ctx, p.leave = context.WithCancel(ctx)
	if p.watch, err = p.bench.watch(ctx, p.fleet, p.crowd, p.every); err != nil {
		p.leave()
	}
	return err
}

// come waits until all users are in and have negotiated, and records what that cost. It reports false if that did not happen.
func (p *party) come(ctx context.Context, r *report.Result) (bool, error) {
	limit := p.patience
	if p.rate > 0 {
		limit += time.Duration(float64(p.users) / float64(p.rate) * float64(time.Second))
	}
	ok, err := p.crowd.await(ctx, limit, settled)
	if err != nil {
		return false, err
	}
	took := time.Since(p.began)
	cpu, err := p.fleet.CPU()
	if err != nil {
		return false, err
	}
	now, err := memoryOf(p.fleet)
	if err != nil {
		return false, err
	}
	state, used, n := p.crowd.state(), cpu.Since(p.cpu), float64(p.users)
	p.say("%d users are connected after %.1fs, %d pairs have negotiated", state.Opened, took.Seconds(), state.Negotiated)
	r.Add(report.FigConnections, "", float64(state.Opened))
	r.Add("users_per_second", "1/s", float64(state.Opened)/took.Seconds())
	r.Add("server_cpu_per_user", "µs", micros(used.Servers, n)) // to connect and negotiate
	r.Add("redis_cpu_per_user", "µs", micros(used.Redis, n))
	r.Add(report.FigRSSPerConnection, "bytes", float64(now.rss-p.memory.rss)/n)
	r.Add(report.FigKernelPerConnection, "bytes", float64(now.kernel-p.memory.kernel)/n/2) // the other half is of the clients
	return ok, nil
}

// restartFor has pairs negotiate again for a while, and then be done.
func (p *party) restartFor(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	if err := p.crowd.order(orderRestart); err != nil {
		return err
	}
	if err := sleep(ctx, d); err != nil {
		return err
	}
	_, err := p.rest(ctx)
	return err
}

// rest waits until nothing is on its way. It reports false when that did not come about.
func (p *party) rest(ctx context.Context) (bool, error) {
	if err := p.crowd.order(orderRest); err != nil {
		return false, err
	}
	return p.crowd.await(ctx, p.patience, settled)
}

// finish closes the books.
func (p *party) finish(ctx context.Context, r *report.Result) (err error) {
	p.leave()
	if r.Samples, err = p.watch.samples(); err != nil {
		return err
	}
	cpu, err := p.fleet.CPU()
	if err != nil {
		return err
	}
	if r.Processes, err = p.fleet.Look(ctx, cpu.Since(p.cpu)); err != nil {
		return err
	}
	servers, redis := 0.0, 0.0
	for _, s := range r.Samples {
		servers, redis = max(servers, s.ServersCPU), max(redis, s.RedisCPU)
	}
	r.Add("server_cpu_peak", "processors", servers)
	r.Add("redis_cpu_peak", "processors", redis)
	r.Add("later_attempts", "", float64(p.crowd.state().Later))
	r.Add("messages_repeated", "", float64(p.crowd.state().Repeated)) // because the server said so
	p.crowd.tell(r)
	return nil
}

// stop ends what was started; once more does nothing.
func (p *party) stop() error {
	if p.watch != nil {
		p.leave()
		<-p.watch.ended
	}
	err := errors.Join(p.crowd.dismiss(), p.fleet.Stop())
	p.crowd, p.fleet, p.watch = nil, nil, nil
	return err
}
