//go:build linux

package scenario

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/fleet"
	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// Names of the figures of idle.
const (
	figConnections  = report.FigConnections
	figEmptyRSS     = "empty_process_rss"
	figRSS          = report.FigRSSPerConnection
	figRSSAfter     = "rss_per_connection_after_window"
	figConnects     = "connects_per_second"
	figConnectCPU   = "cpu_per_connect"
	figConnectRedis = "redis_cpu_per_connect"
	figIdleCPU      = report.FigIdleCPU
	figIdleRedis    = "redis_idle_cpu_per_connection"
	figPings        = "pings"
)

type idleConfig struct {
	connections, procs, perRoom int
	dialect                     traffic.Dialect
	rate                        rate
	ping, settle, window        time.Duration
	memory                      int64
}

func (b *bench) idleFlags(args []string) (c idleConfig, err error) {
	f, o := newFlags("idle", "what connections cost that nobody uses", b.runner.Stderr)
	b.opt = o
	f.IntVar(&c.connections, "n", 15_000, "connections, of all processes together")
	f.IntVar(&c.procs, "procs", 1, "server processes, and as many of the load")
	f.IntVar(&c.perRoom, "per-room", 1, "1: every client is alone in its room; 2: pairs")
	f.Var(dialectFlag{&c.dialect}, "dialect", "plain or rejoin.v1")
	f.Var(&c.rate, "rate", "connects a second while ramping, or max")
	f.DurationVar(&c.ping, "ping", 25*time.Second, "PING_INTERVAL")
	f.DurationVar(&c.settle, "settle", 3*time.Second, "rest before memory is read")
	f.DurationVar(&c.window, "window", 0, "how long the idle connections are measured (default: two ping intervals)")
	f.Int64Var(&c.memory, "memory", 0, "MiB that all server processes together may have, the kernel's for their sockets included: they run in a memory cgroup (as root); 0: any")
	if err := o.parse(f, args); err != nil {
		return c, err
	}
	if c.memory < 0 || c.memory > 0 && o.a != "" {
		return c, errors.New("want -memory of at least 0, and of servers that are started")
	}
	if c.window == 0 {
		c.window = 2 * c.ping
	}
	if c.connections < 1 || c.procs < 1 || c.procs > 16 || c.perRoom < 1 || c.perRoom > 2 {
		return c, errors.New("want -n of at least 1, -procs of 1 to 16, -per-room 1 or 2")
	}
	return c, nil
}

// idle holds connections that nobody uses.
func (b *bench) idle(ctx context.Context, args []string) (err error) {
	c, err := b.idleFlags(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.opt.timeout)
	defer cancel()
	env := []string{"PING_INTERVAL=" + c.ping.String()}
	if c.memory > 0 {
		if b.container, err = fleet.NewContainer(c.memory << 20); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.container.Remove()) }()
		env = append(env, "GOMEMLIMIT="+strconv.FormatInt(c.memory*1024*6/10/int64(c.procs), 10)+"KiB") // as the server sets it in a container
	}
	f, err := b.servers(ctx, report.SubjectRejoin, c.procs, pinned(b.opt, env...))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Stop()) }()
	r := report.Result{Subject: report.SubjectRejoin, Settings: append(f.Settings(),
		report.Setting{Name: "dialect", Value: c.dialect.String()}, report.Setting{Name: "connect rate", Value: c.rate.String()},
		report.Setting{Name: "server processes", Value: strconv.Itoa(len(f.Servers))},
		report.Setting{Name: "clients in a room", Value: strconv.Itoa(c.perRoom)})}
	r.Add(figConnections, "", float64(c.connections))
	crew, before, err := b.fill(ctx, f, c, &r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, crew.dismiss()) }()
	if err := b.watchIdle(ctx, f, crew, c, before, &r); err != nil {
		return err
	}
	if b.container != nil {
		now, peak, err := b.container.Usage()
		if err != nil {
			return err
		}
		r.Add("memory_limit", "MB", float64(c.memory<<20)/1e6)
		r.Add("memory_charged", "MB", float64(now)/1e6)
		r.Add("memory_charged_peak", "MB", float64(peak)/1e6)
	}
	r.Judge(crew.state().tally())
	b.file.Results = append(b.file.Results, r)
	return nil
}

// fill opens the connections and returns the memory from before.
func (b *bench) fill(ctx context.Context, f *fleet.Fleet, c idleConfig, r *report.Result) (_ *crew, before int64, err error) {
	if err := sleep(ctx, c.settle); err != nil {
		return nil, 0, err
	}
	if before, err = f.RSS(); err != nil {
		return nil, 0, err
	}
	cpu, err := f.CPU()
	if err != nil {
		return nil, 0, err
	}
	crew, err := b.hire(f, holding{
		Run: strconv.FormatInt(b.began.UnixNano(), 36), Count: c.connections, PerRoom: c.perRoom, Dialect: c.dialect, Pending: b.opt.pending,
	}, c.rate)
	if err != nil {
		return nil, 0, err
	}
	state, err := crew.settle(ctx, b.say)
	if err == nil {
		err = b.quiet(ctx, f)
	}
	if err != nil {
		return nil, 0, errors.Join(err, crew.dismiss())
	}
	now, err := f.CPU()
	if err != nil {
		return nil, 0, errors.Join(err, crew.dismiss())
	}
	used, n := now.Since(cpu), float64(state.Opened)
	b.say("%d connections are open after %.2fs", state.Opened, float64(state.Nanoseconds)/1e9)
	r.Add(figEmptyRSS, "MB", float64(before)/1e6/float64(len(f.Servers)))
	r.Add(figConnects, "1/s", n/(float64(state.Nanoseconds)/1e9))
	r.Add(figConnectCPU, "µs", micros(used.Servers, n))
	r.Add(figConnectRedis, "µs", micros(used.Redis, n))
	return crew, before, nil
}

// quiet waits until the servers and Redis have done what they were given: an upgrade is answered before the backbone knows
// of it.
func (b *bench) quiet(ctx context.Context, f *fleet.Fleet) error {
	const step, noise, steps = 100 * time.Millisecond, 20 * time.Millisecond, 2
	last, err := f.CPU()
	for calm := 0; calm < steps && err == nil; calm++ {
		if err := sleep(ctx, step); err != nil {
			return err
		}
		var now fleet.CPU
		now, err = f.CPU()
		if used := now.Since(last); used.Servers+used.Redis > noise {
			calm = -1
		}
		last = now
	}
	return err
}

// watchIdle measures the connections while they do nothing.
func (b *bench) watchIdle(ctx context.Context, f *fleet.Fleet, crew *crew, c idleConfig, before int64, r *report.Result) error {
	if err := sleep(ctx, c.settle); err != nil {
		return err
	}
	perConnection := func(name string) error {
		now, err := f.RSS()
		r.Add(name, "bytes", float64(now-before)/float64(c.connections))
		return err
	}
	if err := perConnection(figRSS); err != nil {
		return err
	}
	start, err := f.CPU()
	if err != nil {
		return err
	}
	pings := crew.state().Pings
	b.say("watching for %s", c.window)
	began := time.Now()
	if err := sleep(ctx, c.window); err != nil {
		return err
	}
	end, err := f.CPU()
	if err != nil {
		return err
	}
	used := end.Since(start)
	seconds := time.Since(began).Seconds() * float64(c.connections)
	r.Add(figIdleCPU, "µs/s", micros(used.Servers, seconds))
	r.Add(figIdleRedis, "µs/s", micros(used.Redis, seconds))
	r.Add(figPings, "", float64(crew.state().Pings-pings))
	if err := perConnection(figRSSAfter); err != nil {
		return err
	}
	r.Processes, err = f.Look(ctx, used)
	return err
}
