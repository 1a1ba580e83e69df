//go:build linux

package scenario

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/fleet"
	"github.com/rejoin-dev/rejoin/tools/loadtest/procfs"
	"github.com/rejoin-dev/rejoin/tools/loadtest/protocol"
	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// Names of the figures of idle.
const (
	figConnections  = report.FigConnections
	figEmptyRSS     = "empty_process_rss"
	figRSS          = report.FigRSSPerConnection
	figRSSAfter     = "rss_per_connection_after_window"
	figConnects     = report.FigConnects
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
	withBaseline                bool
	peers                       string // directory; empty: none are measured
}

func (b *bench) idleFlags(args []string) (c idleConfig, err error) {
	f, o := newFlags("idle", "what idle connections cost", b.runner.Stderr)
	b.opt = o
	f.IntVar(&c.connections, "n", 15_000, "connections, of all processes together")
	f.IntVar(&c.procs, "procs", 1, "server processes, and as many of the load")
	f.IntVar(&c.perRoom, "per-room", 1, "1: every client is alone in its room; 2: pairs")
	f.Var(dialectFlag{&c.dialect}, "dialect", "plain or rejoin.v1")
	f.Var(&c.rate, "rate", "connects a second while ramping, or max")
	f.DurationVar(&c.ping, "ping", 25*time.Second, "PING_INTERVAL")
	f.DurationVar(&c.settle, "settle", 3*time.Second, "rest before memory is read")
	f.DurationVar(&c.window, "window", 0, "how long the idle connections are measured (default: two ping intervals)")
	f.BoolVar(&c.withBaseline, "with-baseline", false, "measure a plain pub/sub relay too")
	f.StringVar(&c.peers, "peers", "", "measure Centrifugo too, from this `directory` of ./scripts/bench-peers")
	f.Int64Var(&c.memory, "memory", 0, "MiB that all server processes together may have, the kernel's for their sockets included: they run in a memory cgroup (as root); 0: any")
	if err := o.parse(f, args); err != nil {
		return c, err
	}
	if c.memory < 0 || c.memory > 0 && (o.a != "" || c.withBaseline || c.peers != "") {
		return c, errors.New("want -memory of at least 0, of servers of Rejoin that are started")
	}
	if c.window == 0 {
		c.window = 2 * c.ping
	}
	if c.connections < 1 || c.procs < 1 || c.procs > 16 || c.perRoom < 1 || c.perRoom > 2 {
		return c, errors.New("want -n of at least 1, -procs of 1 to 16, -per-room 1 or 2")
	}
	return c, nil
}

// idle holds idle connections.
func (b *bench) idle(ctx context.Context, args []string) (err error) {
	c, err := b.idleFlags(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.opt.timeout)
	defer cancel()
	if c.memory > 0 {
		if b.container, err = fleet.NewContainer(c.memory << 20); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.container.Remove()) }()
	}
	subjects := []string{report.SubjectRejoin}
	if c.withBaseline {
		subjects = append(subjects, report.SubjectBaseline)
	}
	if c.peers != "" {
		subjects = append(subjects, report.SubjectCentrifugo)
	}
	for _, s := range subjects {
		if err := b.idleOf(ctx, c, s); err != nil {
			return err
		}
	}
	return nil
}

// idleServers starts what a subject needs, and returns how to speak to it.
func (b *bench) idleServers(ctx context.Context, c idleConfig, subject string) (*fleet.Fleet, protocol.Name, error) {
	if subject == report.SubjectCentrifugo {
		f, err := b.startPeer(ctx, subject, c.peers, c.procs)
		return f, protocol.Centrifugo, err
	}
	env := []string{"PING_INTERVAL=" + c.ping.String()}
	if c.memory > 0 {
		env = append(env, "GOMEMLIMIT="+strconv.FormatInt(c.memory*1024*6/10/int64(c.procs), 10)+"KiB") // as the server sets it in a container
	}
	speaks := protocol.Of(c.dialect)
	if subject == report.SubjectBaseline {
		speaks = protocol.Plain
	}
	f, err := b.servers(ctx, subject, c.procs, pinned(b.opt, env...))
	return f, speaks, err
}

func (b *bench) idleOf(ctx context.Context, c idleConfig, subject string) (err error) {
	f, speaks, err := b.idleServers(ctx, c, subject)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Stop()) }()
	r := report.Result{Subject: subject, Settings: append(f.Settings(),
		report.Setting{Name: "dialect", Value: c.dialect.String()}, report.Setting{Name: "connect rate", Value: c.rate.String()},
		report.Setting{Name: "server processes", Value: strconv.Itoa(len(f.Servers))},
		report.Setting{Name: "clients in a room", Value: strconv.Itoa(c.perRoom)})}
	r.Add(figConnections, "", float64(c.connections))
	crew, before, err := b.fill(ctx, f, c, speaks, &r)
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

// memory is that of processes and kernel, bytes.
type memory struct{ rss, kernel int64 }

func memoryOf(f *fleet.Fleet) (m memory, err error) {
	if m.rss, err = f.RSS(); err == nil {
		m.kernel, err = procfs.KernelMemory()
	}
	return m, err
}

// fill opens the connections and returns the memory from before.
func (b *bench) fill(ctx context.Context, f *fleet.Fleet, c idleConfig, speaks protocol.Name, r *report.Result) (_ *crew, before memory, err error) {
	if err := sleep(ctx, c.settle); err != nil {
		return nil, before, err
	}
	if before, err = memoryOf(f); err != nil {
		return nil, before, err
	}
	cpu, err := f.CPU()
	if err != nil {
		return nil, before, err
	}
	crew, err := b.hire(f, holding{
		Run: strconv.FormatInt(b.began.UnixNano(), 36), Count: c.connections, PerRoom: c.perRoom, Protocol: speaks, Pending: b.opt.pending,
	}, c.rate)
	if err != nil {
		return nil, before, err
	}
	state, err := crew.settle(ctx, b.say)
	if err == nil {
		err = b.quiet(ctx, f)
	}
	if err != nil {
		return nil, before, errors.Join(err, crew.dismiss())
	}
	now, err := f.CPU()
	if err != nil {
		return nil, before, errors.Join(err, crew.dismiss())
	}
	used, n := now.Since(cpu), float64(state.Opened)
	b.say("%d connections are open after %.2fs", state.Opened, float64(state.Nanoseconds)/1e9)
	r.Add(figEmptyRSS, "MB", float64(before.rss)/1e6/float64(len(f.Servers)))
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
func (b *bench) watchIdle(ctx context.Context, f *fleet.Fleet, crew *crew, c idleConfig, before memory, r *report.Result) error {
	if err := sleep(ctx, c.settle); err != nil {
		return err
	}
	n := float64(c.connections)
	now, err := memoryOf(f)
	if err != nil {
		return err
	}
	r.Add(figRSS, "bytes", float64(now.rss-before.rss)/n)
	r.Add(report.FigKernelPerConnection, "bytes", float64(now.kernel-before.kernel)/n/2) // the other half is of the clients, on this machine too
	pings := crew.state().Pings
	b.say("watching for %s", c.window)
	began := time.Now()
	used, err := usedIn(ctx, f, c.window)
	if err != nil {
		return err
	}
	seconds := time.Since(began).Seconds() * float64(c.connections)
	r.Add(figIdleCPU, "µs/s", micros(used.Servers, seconds))
	r.Add(figIdleRedis, "µs/s", micros(used.Redis, seconds))
	r.Add(figPings, "", float64(crew.state().Pings-pings))
	rss, err := f.RSS()
	if err != nil {
		return err
	}
	r.Add(figRSSAfter, "bytes", float64(rss-before.rss)/n)
	r.Processes, err = f.Look(ctx, used)
	return err
}
