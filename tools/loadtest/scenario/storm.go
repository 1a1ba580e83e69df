//go:build linux

package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

type stormConfig struct {
	crowdConfig
	clients  int
	dialects []traffic.Dialect
	backOff  time.Duration
}

func (b *bench) stormFlags(args []string) (c stormConfig, err error) {
	f, o := newFlags("storm", "users whose connections all break at once, and who come back", b.runner.Stderr)
	b.opt = o
	c.crowdConfig = crowdConfig{users: 20_000, rate: 1000, restarts: 100, again: 300, hold: 5 * time.Second}
	c.flags(f)
	dialect := f.String("dialect", "both", "plain, rejoin.v1, or both: first the one, then the other")
	f.Var(&c.again, "again", "pairs a second that negotiate again when all are back, of those that were cut, or max (default 300)")
	f.IntVar(&c.clients, "clients", 0, "connections that break, of all at random; 0: all")
	f.DurationVar(&c.backOff, "back-off", 100*time.Millisecond, "who lost its connection waits a random time of at most this, twice that when it was not let in, and so on to 10s")
	if err := o.parse(f, args); err != nil {
		return c, err
	}
	c.dialects = []traffic.Dialect{traffic.RejoinV1, traffic.Plain}
	if *dialect != "both" {
		one, err := traffic.ParseDialect(*dialect)
		if err != nil {
			return c, err
		}
		c.dialects = []traffic.Dialect{one}
	}
	if c.clients == 0 {
		c.clients = c.users
	}
	if c.clients < 1 || c.clients > c.users || c.backOff < 0 || c.backOff > time.Minute {
		return c, errors.New("want -clients of 1 to all users, -back-off of 0 to 1m")
	}
	return c, c.check()
}

// storm cuts clients and measures how they come back.
func (b *bench) storm(ctx context.Context, args []string) error {
	c, err := b.stormFlags(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.opt.timeout)
	defer cancel()
	for _, d := range c.dialects {
		r, err := b.stormOf(ctx, c, d)
		if err != nil {
			return err
		}
		b.file.Results = append(b.file.Results, r)
	}
	return nil
}

func (b *bench) stormOf(ctx context.Context, c stormConfig, d traffic.Dialect) (r report.Result, err error) {
	p := &party{bench: b, crowdConfig: c.crowdConfig, every: 250 * time.Millisecond}
	defer func() { err = errors.Join(err, p.stop()) }()
	if err := p.start(ctx, &r, usersConfig{Dialect: d, Cut: c.clients, BackOff: int64(c.backOff)}); err != nil {
		return r, err
	}
	r.Settings = append(r.Settings, report.Setting{Name: "cut", Value: fmt.Sprint(c.clients)}, report.Setting{Name: "back-off", Value: c.backOff.String()})
	if ok, err := p.come(ctx, &r); err != nil {
		return r, err
	} else if !ok {
		return r, p.finish(ctx, &r)
	}
	if err := p.crowd.order(orderRestart); err != nil {
		return r, err
	}
	if err := sleep(ctx, c.hold); err != nil {
		return r, err
	}
	// What is on its way when a plain client's connection breaks may come twice (S2.6), or go with the extension that it was for (S2.7):
	// nothing is. With rejoin.v1 all that was sent arrives once, whatever breaks.
	if d == traffic.Plain {
		if _, err := p.rest(ctx); err != nil {
			return r, err
		}
	}
	return r, p.strike(ctx, &r, c)
}

// strike cuts connections, waits until all are back, and has all pairs that were cut negotiate again.
func (p *party) strike(ctx context.Context, r *report.Result, c stormConfig) error {
	before, err := p.fleet.CPU()
	if err != nil {
		return err
	}
	p.say("%d connections break", c.clients)
	if err := p.crowd.order(orderCut); err != nil {
		return err
	}
	back, err := p.crowd.await(ctx, c.patience, func(l *lap) bool { return l.Away == 0 })
	if err != nil {
		return err
	}
	after, err := p.fleet.CPU()
	if err != nil {
		return err
	}
	state, used, n := p.crowd.state(), after.Since(before), float64(c.clients)
	if back && state.Lost == 0 {
		p.say("all are back after %.2fs", state.BackAfter.Seconds())
		r.Add("all_back_after", "s", state.BackAfter.Seconds())
		r.Add("resumes_per_second", "1/s", n/state.BackAfter.Seconds())
	}
	r.Add("server_cpu_per_resume", "µs", micros(used.Servers, n))
	r.Add("redis_cpu_per_resume", "µs", micros(used.Redis, n))
	if back {
		err = p.negotiateAgain(ctx)
	}
	return errors.Join(err, p.finish(ctx, r))
}

func (p *party) negotiateAgain(ctx context.Context) error {
	if err := p.crowd.order(orderAgain); err != nil {
		return err
	}
	limit := p.patience
	if p.again > 0 {
		limit += time.Duration(float64(p.users/2) / float64(p.again) * float64(time.Second))
	}
	if _, err := p.crowd.await(ctx, limit, func(l *lap) bool { return !l.Again }); err != nil {
		return err
	}
	_, err := p.rest(ctx)
	return err
}
