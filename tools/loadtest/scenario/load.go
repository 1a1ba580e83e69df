//go:build linux

package scenario

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// crowdConfig is what load and storm have in common.
type crowdConfig struct {
	users, instances, candidates int
	rate, restarts, again        rate
	hold, patience               time.Duration
}

func (c *crowdConfig) flags(f *flag.FlagSet) {
	f.IntVar(&c.users, "users", c.users, "users, half of them extensions and half of them wallets")
	f.Var(&c.rate, "rate", fmt.Sprintf("new users a second, or max (default %s)", &c.rate))
	f.IntVar(&c.instances, "instances", 0, fmt.Sprintf("server processes, and as many of the load (default: one for each %d users, 2 at least)", usersPerServer))
	f.IntVar(&c.candidates, "candidates", 4, "ICE candidates behind each offer and answer")
	f.Var(&c.restarts, "restarts", fmt.Sprintf("pairs that negotiate again each second, while all are connected (default %s)", &c.restarts))
	f.DurationVar(&c.hold, "hold", c.hold, "how long all stay connected and negotiate again")
	f.DurationVar(&c.patience, "patience", time.Minute, "how long all users may take to be in and done, each time")
}

func (c *crowdConfig) check() error {
	if c.instances == 0 {
		c.instances = instancesFor(c.users)
	}
	switch {
	case c.users < 2 || c.users%2 != 0 || c.users > 1_000_000:
		return errors.New("want -users of 2 to 1000000, an even number")
	case c.instances < 1 || c.instances > 64 || c.users > maxHeld*c.instances:
		return fmt.Errorf("want -instances of 1 to 64, and no more than %d users on each", maxHeld)
	case c.candidates < 0 || c.candidates > 16:
		return errors.New("want -candidates of 0 to 16")
	case c.hold < 0 || c.patience <= 0:
		return errors.New("want -hold of at least 0, -patience of more")
	case c.restarts == 0:
		return errors.New("want -restarts a second, not max")
	}
	return nil
}

func (c *crowdConfig) settings(dialect traffic.Dialect) []report.Setting {
	return []report.Setting{
		{Name: "users", Value: strconv.Itoa(c.users)},
		{Name: "new users a second", Value: c.rate.String()},
		{Name: "dialect", Value: dialect.String()},
		{Name: "candidates", Value: strconv.Itoa(c.candidates)},
		{Name: "restarts a second", Value: c.restarts.String()},
		{Name: "server processes", Value: strconv.Itoa(c.instances)},
	}
}

type loadConfig struct {
	crowdConfig
	dialect traffic.Dialect
}

func (b *bench) loadFlags(args []string) (c loadConfig, err error) {
	f, o := newFlags("load", "users who come in pairs, negotiate, and stay", b.runner.Stderr)
	b.opt = o
	c.crowdConfig = crowdConfig{users: 70_000, rate: 500, restarts: 100, hold: 30 * time.Second}
	c.flags(f)
	f.Var(dialectFlag{&c.dialect}, "dialect", "plain or rejoin.v1")
	if err := o.parse(f, args); err != nil {
		return c, err
	}
	return c, c.check()
}

// load is the load test of radixdlt/signaling-server at any scale.
func (b *bench) load(ctx context.Context, args []string) error {
	c, err := b.loadFlags(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.opt.timeout)
	defer cancel()
	p := &party{bench: b, crowdConfig: c.crowdConfig, every: time.Second}
	r, err := p.load(ctx, c.dialect)
	if err := errors.Join(err, p.stop()); err != nil {
		return err
	}
	b.file.Results = append(b.file.Results, r)
	return nil
}

func (p *party) load(ctx context.Context, dialect traffic.Dialect) (report.Result, error) {
	var r report.Result
	if err := p.start(ctx, &r, usersConfig{Dialect: dialect}); err != nil {
		return r, err
	}
	if ok, err := p.come(ctx, &r); err != nil {
		return r, err
	} else if !ok {
		return r, p.finish(ctx, &r)
	}
	before, err := p.fleet.CPU()
	if err != nil {
		return r, err
	}
	received, began := p.crowd.state().Tally.Received, time.Now()
	if err := p.restartFor(ctx, p.hold); err != nil {
		return r, err
	}
	after, err := p.fleet.CPU()
	if err != nil {
		return r, err
	}
	used, n := after.Since(before), float64(p.crowd.state().Tally.Received-received)
	r.Add(report.FigRate, "1/s", n/time.Since(began).Seconds())
	r.Add("server_cpu_per_message_with_idle", "µs", micros(used.Servers, n))
	r.Add("redis_cpu_per_message_with_idle", "µs", micros(used.Redis, n))
	return r, p.finish(ctx, &r)
}

// instancesFor is how many instances so many users need.
func instancesFor(users int) int { return max(2, (users+usersPerServer-1)/usersPerServer) }

// usersPerServer leaves room below 20,000 descriptors for users that come back before the loss of their old connection has been noticed.
const usersPerServer = 17_500
