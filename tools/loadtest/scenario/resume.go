//go:build linux

package scenario

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/fleet"
	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
)

type resumeConfig struct {
	clients, waiting, instances, rounds int
	rate                                rate
	settle                              time.Duration
}

func (b *bench) resumeFlags(args []string) (c resumeConfig, err error) {
	f, o := newFlags("resume", "rejoin.v1 clients that come back to messages that wait", b.runner.Stderr)
	b.opt = o
	c.rate = 500
	f.IntVar(&c.clients, "n", 2000, "clients")
	f.IntVar(&c.waiting, "waiting", 20, "messages that wait for each")
	f.IntVar(&c.instances, "instances", 2, "server processes; a client comes back to the next one")
	f.IntVar(&c.rounds, "rounds", 2, "how often all of them leave and come back")
	f.Var(&c.rate, "rate", "resumes a second, open loop; max: -pending of them at any time (default 500)")
	f.DurationVar(&c.settle, "settle", time.Second, "rest before the resumes of a round")
	if err := o.parse(f, args); err != nil {
		return c, err
	}
	switch {
	case c.clients < 1 || c.clients > maxHeld/2:
		err = fmt.Errorf("want -n of 1 to %d", maxHeld/2)
	case c.waiting < 1 || c.waiting > 256:
		err = errors.New("want -waiting of 1 to 256, which a mailbox holds")
	case c.instances < 1 || c.instances > 16 || c.rounds < 1:
		err = errors.New("want -instances of 1 to 16, -rounds of at least 1")
	}
	return c, err
}

// resume has clients come back.
func (b *bench) resume(ctx context.Context, args []string) (err error) {
	c, err := b.resumeFlags(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.opt.timeout)
	defer cancel()
	// A round may take longer than clients are waited for; and each sends all its messages within a second.
	f, err := b.servers(ctx, report.SubjectRejoin, c.instances, pinned(b.opt, "GRACE_WINDOW=5m", "RATE_LIMIT_MESSAGES=0"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Stop()) }()
	var servers []netip.AddrPort
	for _, s := range f.Servers {
		servers = append(servers, s.Addr)
	}
	load, err := newReturners(strconv.FormatInt(b.began.UnixNano(), 36), servers, c.clients, c.waiting, b.began)
	if err != nil {
		return err
	}
	var loops sync.WaitGroup
	loops.Go(func() {
		if err := load.loop.Run(); err != nil {
			b.say("load: %v", err)
		}
	})
	defer func() { load.loop.Stop(); loops.Wait() }()
	r, err := b.resumeRounds(ctx, f, load, c)
	if err != nil {
		return err
	}
	b.file.Results = append(b.file.Results, r)
	return nil
}

// resumeRounds has all clients come back several times.
func (b *bench) resumeRounds(ctx context.Context, f *fleet.Fleet, load *returners, c resumeConfig) (report.Result, error) {
	r := report.Result{Subject: report.SubjectRejoin, Settings: append(f.Settings(),
		report.Setting{Name: "clients", Value: strconv.Itoa(c.clients)}, report.Setting{Name: "waiting", Value: strconv.Itoa(c.waiting)},
		report.Setting{Name: "rate", Value: c.rate.String()}, report.Setting{Name: "rounds", Value: strconv.Itoa(c.rounds)},
		report.Setting{Name: "most at once", Value: strconv.Itoa(b.opt.pending)}, report.Setting{Name: "server processes", Value: strconv.Itoa(len(f.Servers))})}
	if err := load.do(ctx, "meet", func() <-chan struct{} { return load.meet(b.opt.pending) }); err != nil {
		return r, err
	}
	b.say("%d pairs are connected", c.clients)
	var used fleet.CPU
	var took time.Duration
	for i := range c.rounds {
		cpu, d, err := b.resumeRound(ctx, f, load, c)
		if err != nil {
			return r, err
		}
		used, took = used.Plus(cpu), took+d
		b.say("round %d: %d clients are back after %s", i+1, c.clients, d.Round(time.Millisecond))
	}
	if err := load.loop.Do(ctx, func() {
		r.Judge(load.tally)
		load.cause.tell(&r)
		r.Latencies = []report.Latency{load.times.Latency(report.LatResume)}
	}); err != nil {
		return r, err
	}
	n := float64(c.clients * c.rounds)
	r.Add("resumes", "", n)
	if took > 0 {
		r.Add("resumes_per_second", "1/s", n/took.Seconds())
	}
	r.Add("server_cpu_per_resume", "µs", micros(used.Servers, n))
	r.Add("redis_cpu_per_resume", "µs", micros(used.Redis, n))
	var err error
	r.Processes, err = f.Look(ctx, used)
	return r, err
}

// resumeRound returns what the resumes of one round cost and how long they took, from the first dial to the last message.
func (b *bench) resumeRound(ctx context.Context, f *fleet.Fleet, load *returners, c resumeConfig) (used fleet.CPU, took time.Duration, err error) {
	if err := load.loop.Do(ctx, load.leave); err != nil {
		return used, 0, err
	}
	if err := load.do(ctx, "fill", load.fill); err != nil {
		return used, 0, err
	}
	if err := sleep(ctx, c.settle); err != nil {
		return used, 0, err
	}
	if err := b.quiet(ctx, f); err != nil {
		return used, 0, err
	}
	before, err := f.CPU()
	if err != nil {
		return used, 0, err
	}
	err = load.do(ctx, "come back", func() <-chan struct{} { return load.comeBack(c.rate.interval(1), b.opt.pending) })
	if err != nil {
		return used, 0, err
	}
	if err := b.quiet(ctx, f); err != nil { // position and fencing are written behind
		return used, 0, err
	}
	after, err := f.CPU()
	if err != nil {
		return used, 0, err
	}
	err = load.loop.Do(ctx, func() { took = max(0, time.Duration(load.last-load.first)) })
	return after.Since(before), took, err
}

// phaseTimeout bounds each step of a round.
const phaseTimeout = 2 * time.Minute

// do begins a phase on the loop and waits until it is done.
func (r *returners) do(ctx context.Context, what string, begin func() <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, phaseTimeout)
	defer cancel()
	var done <-chan struct{}
	if err := r.loop.Do(ctx, func() { done = begin() }); err != nil {
		return err
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
	var err error
	if ended := r.loop.Do(context.WithoutCancel(ctx), func() {
		if r.left > 0 || r.broken {
			err = errors.Join(fmt.Errorf("wait until all clients %s: %d have not, %+v: %s", what, r.left, r.tally, r.cause), r.ramp.err, ctx.Err())
		}
	}); ended != nil {
		return ended
	}
	return err
}
