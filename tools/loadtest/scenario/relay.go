//go:build linux

package scenario

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/fleet"
	"github.com/rejoin-dev/rejoin/tools/loadtest/procfs"
	"github.com/rejoin-dev/rejoin/tools/loadtest/protocol"
	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

type relayConfig struct {
	pairs, instances, threads, inflight int
	idlers, repeat                      int
	rate                                rate
	dialect                             traffic.Dialect
	warmup, duration, drain, idleWindow time.Duration
	withBaseline                        bool
	peers                               string // directory; empty: none are measured
}

func (b *bench) relayFlags(args []string) (c relayConfig, err error) {
	f, o := newFlags("relay", "pairs across instances that send to each other", b.runner.Stderr)
	b.opt = o
	c.rate = 300
	f.IntVar(&c.pairs, "pairs", 200, "pairs of an extension and a wallet, each on another instance")
	f.IntVar(&c.instances, "instances", 2, "server processes")
	f.Var(&c.rate, "rate", "messages a second, open loop; max: closed loop, the next when the last one was confirmed (default 300)")
	f.IntVar(&c.inflight, "inflight", 1, "unconfirmed messages of each sender with -rate max")
	f.Var(dialectFlag{&c.dialect}, "dialect", "plain or rejoin.v1")
	f.DurationVar(&c.warmup, "warmup", 2*time.Second, "sending before anything counts")
	f.DurationVar(&c.duration, "duration", 10*time.Second, "how long it is measured")
	f.DurationVar(&c.drain, "drain", 15*time.Second, "how long messages may take to arrive after the last one was sent")
	f.IntVar(&c.repeat, "repeat", 1, "measure so many times; with -with-baseline or -peers by turns")
	f.BoolVar(&c.withBaseline, "with-baseline", false, "measure a plain pub/sub relay too")
	f.StringVar(&c.peers, "peers", "", "measure Centrifugo too, from this `directory` of ./scripts/bench-peers")
	f.IntVar(&c.idlers, "idle", 0, "connections beside the pairs that do nothing, spread over the instances")
	f.DurationVar(&c.idleWindow, "idle-window", 25*time.Second, "with -idle: how long their own cost is measured, to be subtracted")
	f.IntVar(&c.threads, "loops", 1, "threads of the load")
	if err := o.parse(f, args); err != nil {
		return c, err
	}
	switch {
	case c.pairs < 1 || c.pairs > maxHeld/2:
		err = fmt.Errorf("want -pairs of 1 to %d", maxHeld/2)
	case c.instances < 1 || c.instances > 16 || c.threads < 1 || c.threads > 8 || c.threads > c.pairs || c.repeat < 1:
		err = errors.New("want -instances of 1 to 16, -loops of 1 to 8, -repeat of at least 1")
	case c.inflight < 1 || c.inflight > 64:
		err = errors.New("want -inflight of 1 to 64")
	case c.idlers < 0 || c.duration <= 0 || c.warmup < 0 || c.drain < 0:
		err = errors.New("want -idle, -warmup and -drain of at least 0, -duration of more")
	}
	return c, err
}

// relay has pairs send to each other.
func (b *bench) relay(ctx context.Context, args []string) (err error) {
	c, err := b.relayFlags(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.opt.timeout)
	defer cancel()
	subjects := []string{report.SubjectRejoin}
	if c.withBaseline {
		subjects = append(subjects, report.SubjectBaseline)
	}
	if c.peers != "" {
		subjects = append(subjects, report.SubjectCentrifugo)
	}
	var runs []*relayRun
	defer func() {
		for _, r := range runs {
			err = errors.Join(err, r.stop())
		}
	}()
	for _, subject := range subjects {
		r := &relayRun{bench: b, relayConfig: c, subject: subject, total: total{result: newResult()}}
		runs = append(runs, r)
		if err := r.start(ctx); err != nil {
			return err
		}
	}
	for i := range c.repeat {
		for _, r := range runs {
			if err := r.measure(ctx, i); err != nil {
				return err
			}
		}
	}
	for _, r := range runs {
		found, err := r.result(ctx)
		if err != nil {
			return err
		}
		b.file.Results = append(b.file.Results, found)
	}
	return nil
}

// relayRun is a relay load on one subject.
type relayRun struct {
	*bench
	relayConfig
	subject string
	fleet   *fleet.Fleet
	crew    *crew
	loads   []*pairs
	loops   sync.WaitGroup
	idleCPU fleet.CPU // of idle connections in idleWindow
	total   total
}

// total is what all windows found together.
type total struct {
	result
	cpu  fleet.CPU
	load time.Duration // processor time of this process
	took time.Duration
}

func (r *relayRun) start(ctx context.Context) (err error) {
	var more []string
	if r.rate == 0 {
		more = append(more, "RATE_LIMIT_MESSAGES=0")
	}
	if r.subject == report.SubjectCentrifugo {
		r.fleet, err = r.startPeer(ctx, r.subject, r.relayConfig.peers, r.instances)
	} else {
		r.fleet, err = r.servers(ctx, r.subject, r.instances, pinned(r.opt, more...))
	}
	if err != nil {
		return err
	}
	run := strconv.FormatInt(r.began.UnixNano(), 36)
	if r.idlers > 0 && r.subject == report.SubjectRejoin {
		if err := r.startIdle(ctx, run); err != nil {
			return err
		}
	}
	if err := r.startPairs(run); err != nil {
		return err
	}
	for _, p := range r.loads {
		if err := p.await(ctx); err != nil {
			return err
		}
	}
	r.say("%s: %d pairs are connected", r.subject, r.pairs)
	if r.crew != nil {
		return r.measureIdle(ctx)
	}
	return nil
}

// idleRate is how many idle connections are opened a second: no more than one Redis attaches beside everything else.
const idleRate = 3000

// startIdle opens the connections that do nothing.
func (r *relayRun) startIdle(ctx context.Context, run string) (err error) {
	r.crew, err = r.hire(r.fleet, holding{Run: run + "-idle", First: 2 * r.pairs, Count: r.idlers, PerRoom: 1, Protocol: protocol.Plain, Pending: r.opt.pending}, idleRate)
	if err != nil {
		return err
	}
	if _, err := r.crew.settle(ctx, r.say); err != nil {
		return err
	}
	return r.quiet(ctx, r.fleet)
}

// measureIdle finds out what the idle connections cost by themselves.
func (r *relayRun) measureIdle(ctx context.Context) error {
	r.say("watching %d idle connections for %s", r.idlers, r.idleWindow)
	used, err := usedIn(ctx, r.fleet, r.idleWindow)
	r.idleCPU = used
	return err
}

func (r *relayRun) startPairs(run string) error {
	var servers []netip.AddrPort
	for _, s := range r.fleet.Servers {
		servers = append(servers, s.Addr)
	}
	speaks := protocol.Of(r.dialect)
	switch r.subject {
	case report.SubjectBaseline:
		speaks = protocol.Plain
	case report.SubjectCentrifugo:
		speaks = protocol.Centrifugo
	}
	for i := range r.threads {
		first, end := i*r.pairs/r.threads, (i+1)*r.pairs/r.threads
		p, err := newPairs(pairsConfig{
			run: run, first: first, count: end - first, protocol: speaks, pending: r.opt.pending, servers: servers, inflight: r.inflight,
		}, r.began)
		if err != nil {
			return err
		}
		r.loads = append(r.loads, p)
		r.loops.Go(func() {
			if err := p.loop.Run(); err != nil {
				r.say("load: %v", err)
			}
		})
	}
	return nil
}

// await returns when all clients know their peers.
func (p *pairs) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	select {
	case <-p.ready:
	case <-ctx.Done():
	}
	var err error
	if ended := p.loop.Do(context.WithoutCancel(ctx), func() {
		if p.known < len(p.clients) {
			err = errors.Join(fmt.Errorf("only %d of %d clients met their peers, %d connections failed: %s", p.known, len(p.clients), p.tally.Failed, p.cause),
				p.ramp.err)
		}
	}); ended != nil {
		return ended
	}
	return err
}

// measure sends for one window.
func (r *relayRun) measure(ctx context.Context, round int) error {
	start := time.Now().Add(50 * time.Millisecond)
	done := make(chan result, len(r.loads))
	for i, p := range r.loads {
		interval := r.rate.interval(len(r.loads))
		shift := interval * int64(i) / int64(len(r.loads))
		p.loop.Post(func() {
			p.open(newWindow(windowConfig{
				start: p.loop.At(start) + shift, warmup: int64(r.warmup), duration: int64(r.duration), drain: int64(r.drain),
				interval: interval, senders: len(p.clients), done: done,
			}))
		})
	}
	if err := sleepUntil(ctx, start.Add(r.warmup)); err != nil {
		return err
	}
	before, load, began, err := r.look()
	if err != nil {
		return err
	}
	if err := sleepUntil(ctx, start.Add(r.warmup+r.duration)); err != nil {
		return err
	}
	after, loadAfter, ended, err := r.look()
	if err != nil {
		return err
	}
	r.total.cpu = r.total.cpu.Plus(after.Since(before))
	r.total.load += loadAfter - load
	r.total.took += ended.Sub(began)
	var delivered uint64
	r.total.tally = traffic.Tally{}
	for range r.loads {
		select {
		case found := <-done:
			delivered += found.delivered
			r.total.add(found)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.say("%s: round %d: %d messages in %s", r.subject, round+1, delivered, r.duration)
	return nil
}

// look reads the processor times, and the clock.
func (r *relayRun) look() (servers fleet.CPU, load time.Duration, now time.Time, err error) {
	if servers, err = r.fleet.CPU(); err == nil {
		load, err = procfs.CPU(os.Getpid())
	}
	return servers, load, time.Now(), err
}

func (t *total) add(o result) {
	t.tally.Add(o.tally)
	t.delivered += o.delivered
	t.oneWay.Add(o.oneWay)
	t.written.Add(o.written)
	t.confirm.Add(o.confirm)
	t.late.Add(o.late)
}

func (r *relayRun) result(ctx context.Context) (report.Result, error) {
	t := &r.total
	n := float64(t.delivered)
	f := report.Result{Subject: r.subject, Settings: append(r.fleet.Settings(),
		report.Setting{Name: "pairs", Value: strconv.Itoa(r.pairs)}, report.Setting{Name: "server processes", Value: strconv.Itoa(len(r.fleet.Servers))},
		report.Setting{Name: "rate", Value: r.rate.String()}, report.Setting{Name: "inflight", Value: strconv.Itoa(r.inflight)},
		report.Setting{Name: "dialect", Value: r.dialect.String()}, report.Setting{Name: "measured", Value: t.took.Round(time.Millisecond).String()})}
	share := t.took.Seconds() / r.idleWindow.Seconds()
	idle := func(d time.Duration) time.Duration { return time.Duration(float64(d) * share) }
	held := 2 * r.pairs
	if r.crew != nil {
		held += r.idlers
	}
	f.Add(report.FigConnections, "", float64(held))
	f.Add(report.FigRate, "1/s", n/t.took.Seconds())
	f.Add(report.FigServerCPU, "µs", micros(t.cpu.Servers-idle(r.idleCPU.Servers), n))
	f.Add(report.FigRedisCPU, "µs", micros(t.cpu.Redis-idle(r.idleCPU.Redis), n))
	if r.crew != nil {
		f.Add("server_cpu_per_message_with_idle", "µs", micros(t.cpu.Servers, n))
	}
	f.Add("load_cpu_per_message", "µs", micros(t.load, n))
	f.Latencies = []report.Latency{t.oneWay.Latency(report.LatOneWay), t.written.Latency(report.LatWritten), t.confirm.Latency(report.LatConfirm)}
	if r.rate > 0 {
		f.Latencies = append(f.Latencies, t.late.Latency(report.LatLate))
	}
	t.tally = traffic.Tally{} // once more, for what came late
	var first cause
	for _, p := range r.loads {
		if err := p.loop.Do(ctx, func() { t.tally.Add(p.tally); first.note(string(p.cause)) }); err != nil {
			return f, err
		}
	}
	if r.crew != nil {
		t.tally.Add(r.crew.state().tally())
	}
	f.Judge(t.tally)
	first.tell(&f)
	var err error
	f.Processes, err = r.fleet.Look(ctx, t.cpu)
	return f, err
}

// stop ends the load, then the servers.
func (r *relayRun) stop() error {
	for _, p := range r.loads {
		p.loop.Stop()
	}
	r.loops.Wait()
	return errors.Join(r.crew.dismiss(), r.fleet.Stop())
}
