//go:build linux

package scenario

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/fleet"
	"github.com/rejoin-dev/rejoin/tools/loadtest/protocol"
	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
)

// What happens in the middle of a window.
const (
	eventNone   = "none"
	eventKill   = "kill"   // an instance is killed, and started again after two seconds
	eventDeploy = "deploy" // each instance is asked to end, and started again, one after the other
)

// killedFor is how long a killed instance is gone.
const killedFor = 2 * time.Second

// settleTime is between two instances of a deploy, for clients to come back.
const settleTime = 2 * time.Second

type jitterConfig struct {
	clients, beside, instances int
	protocols                  []protocol.Name
	events                     []string
	peers                      string // directory; empty: none are measured
	perClient                  float64
	every, spread, offline     time.Duration
	backOff, duration          time.Duration
	besideDuration, patience   time.Duration
}

func (b *bench) jitterFlags(args []string) (c jitterConfig, err error) {
	f, o := newFlags("jitter", "pairs who send to each other while each connection is cut every 15 s, and each client is offline for 2 s", b.runner.Stderr)
	b.opt = o
	f.IntVar(&c.clients, "clients", 10_000, "connections, half of them extensions and half of them wallets")
	f.IntVar(&c.beside, "beside", 0, "with -peers: so many connections for Rejoin, Socket.IO and Centrifugo side by side, and -clients for Centrifugo alone too; 0: -clients for all")
	f.IntVar(&c.instances, "instances", 2, "server processes")
	protocols := f.String("protocols", string(protocol.RejoinV1+","+protocol.PlainWallet), "of Rejoin: rejoin.v1, plain-wallet, plain")
	events := f.String("events", "none,kill,deploy", "what happens in a window of its own: none, kill (of an instance), deploy (of all)")
	f.StringVar(&c.peers, "peers", "", "measure Socket.IO and Centrifugo too, from this `directory` of ./scripts/bench-peers")
	f.Float64Var(&c.perClient, "per-client", 0.5, "messages that each client sends a second")
	f.DurationVar(&c.every, "every", 15*time.Second, "least time from a return to the next cut; 0: no cuts")
	f.DurationVar(&c.spread, "spread", 5*time.Second, "random time more than that")
	f.DurationVar(&c.offline, "offline", 2*time.Second, "from a cut to the attempt to reconnect")
	f.DurationVar(&c.backOff, "back-off", time.Second, "whose connection the server ended waits a random time of at most this, twice that when it was not let in, and so on to 8 times")
	f.DurationVar(&c.duration, "duration", 20*time.Second, "how long messages are sent in each window")
	f.DurationVar(&c.besideDuration, "beside-duration", 12*time.Second, "the same, side by side")
	f.DurationVar(&c.patience, "patience", 8*time.Second, "how long messages may take to arrive after the last one was sent")
	if err := o.parse(f, args); err != nil {
		return c, err
	}
	if c.beside == 0 {
		c.beside = c.clients
	}
	return c, c.check(*protocols, *events, o)
}

func (c *jitterConfig) check(protocols, events string, o *options) error {
	for name := range strings.SplitSeq(protocols, ",") {
		p, err := protocol.Parse(name)
		if err != nil || p == protocol.SocketIO || p == protocol.Centrifugo {
			return errors.Join(err, fmt.Errorf("-protocols %s: want those of Rejoin", name))
		}
		c.protocols = append(c.protocols, p)
	}
	for e := range strings.SplitSeq(events, ",") {
		if e != eventNone && e != eventKill && e != eventDeploy {
			return fmt.Errorf("-events %s: want none, kill, deploy", e)
		}
		c.events = append(c.events, e)
	}
	switch {
	case o.a != "":
		return errors.New("no -a: jitter starts the servers, and ends them")
	case c.clients < 2 || c.beside < 2 || max(c.clients, c.beside) > maxHeld:
		return fmt.Errorf("want -clients and -beside of 2 to %d", maxHeld)
	case c.instances < 2 || c.instances > 16:
		return errors.New("want -instances of 2 to 16")
	case c.perClient <= 0 || c.perClient > 50 || c.every < 0 || c.spread < 0 || c.offline < 0 || c.backOff < 0:
		return errors.New("want -per-client of up to 50, and no negative times")
	case c.duration <= 0 || c.besideDuration <= 0 || c.patience <= 0:
		return errors.New("want durations of more than 0")
	}
	return nil
}

// jitter is AnyCable's resume benchmark (github.com/anycable/nodejs-websocket-bench) for messages between two: there, 10,000 clients of one
// stream get 120 broadcasts in 60 s; each client's TCP connection is cut 15 to 20 s after it came back, and it is offline for 2 s.
func (b *bench) jitter(ctx context.Context, args []string) error {
	c, err := b.jitterFlags(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.opt.timeout)
	defer cancel()
	for i, p := range c.protocols {
		events := c.events
		if i > 0 {
			events = events[:1]
		}
		run := jitterRun{bench: b, jitterConfig: c, subject: report.SubjectRejoin, protocol: p, clients: c.clients, duration: c.duration, events: events}
		if err := run.run(ctx); err != nil {
			return err
		}
	}
	if c.peers == "" {
		return nil
	}
	all := []jitterRun{
		{subject: report.SubjectCentrifugo, protocol: protocol.Centrifugo, clients: c.clients, duration: c.duration},
		{subject: report.SubjectRejoin, protocol: protocol.RejoinV1, clients: c.beside, duration: c.besideDuration},
		{subject: report.SubjectSocketIO, protocol: protocol.SocketIO, clients: c.beside, duration: c.besideDuration},
		{subject: report.SubjectCentrifugo, protocol: protocol.Centrifugo, clients: c.beside, duration: c.besideDuration},
	}
	if c.beside == c.clients {
		all = all[1:]
	}
	for i := range all {
		run := &all[i]
		run.bench, run.jitterConfig, run.events = b, c, c.events
		err := run.run(ctx)
		if err != nil && run.subject != report.SubjectRejoin && ctx.Err() == nil { // it is not up to this load, which is a finding
			b.say("%s, %d clients: %v", run.subject, run.clients, err)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// jitterRun is one server under this load.
type jitterRun struct {
	*bench
	jitterConfig
	subject  string
	protocol protocol.Name
	clients  int
	duration time.Duration
	events   []string

	fleet *fleet.Fleet
	crowd *crowd
}

func (r *jitterRun) run(ctx context.Context) (err error) {
	if r.subject == report.SubjectRejoin {
		r.fleet, err = r.servers(ctx, r.subject, r.instances, pinned(r.opt))
	} else {
		r.fleet, err = r.startPeer(ctx, r.subject, r.jitterConfig.peers, r.instances)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.crowd.dismiss(), r.fleet.Stop()) }()
	if r.crowd, err = r.flock(); err != nil {
		return err
	}
	ok, err := r.crowd.await(ctx, time.Minute, settled)
	if err != nil {
		return err
	}
	if !ok {
		now := r.crowd.state()
		return fmt.Errorf("%s: only %d of %d clients are connected after a minute: %s", r.subject, r.clients-now.Away, r.clients, now.Cause)
	}
	r.say("%s, %s: %d clients are connected", r.subject, r.protocol, r.clients)
	for _, e := range r.events {
		if err := r.window(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// flock starts the worker. It is one process: its messages share a clock, and 10,000 connections fit.
func (r *jitterRun) flock() (*crowd, error) {
	c := newCrowd()
	job := flappersConfig{
		Run: strconv.FormatInt(time.Now().UnixNano(), 36), Pairs: r.clients / 2, Protocol: r.protocol, Pending: r.opt.pending,
		Interval: int64(1e9 / r.perClient / float64(r.clients/2*2)),
		Every:    int64(r.every), Spread: int64(r.spread), Offline: int64(r.offline), BackOff: int64(r.backOff),
	}
	for _, s := range r.fleet.Servers {
		job.Servers = append(job.Servers, s.Addr)
	}
	return c, c.add(r.runner.Worker, assignment{Flap: &job})
}

// window has messages sent and connections cut for a while, and something happen to the servers meanwhile.
func (r *jitterRun) window(ctx context.Context, event string) error {
	before, err := r.look()
	if err != nil {
		return err
	}
	r.crowd.reset()
	watching, leave := context.WithCancel(ctx)
	defer leave()
	watch, err := r.watch(watching, r.fleet, r.crowd, 500*time.Millisecond)
	if err != nil {
		return err
	}
	defer func() { leave(); <-watch.ended }()
	if err := r.crowd.order(orderFlap); err != nil {
		return err
	}
	end := time.Now().Add(r.duration)
	if err := r.happen(ctx, event); err != nil {
		return err
	}
	if err := sleepUntil(ctx, end); err != nil {
		return err
	}
	after, err := r.look()
	if err != nil {
		return err
	}
	if err := r.crowd.order(orderCalm); err != nil {
		return err
	}
	ok, err := r.crowd.await(ctx, r.patience, settled)
	if err != nil {
		return err
	}
	leave()
	found := r.result(event, before, after, ok)
	samples, err := watch.samples()
	if err != nil {
		return err
	}
	if r.protocol == protocol.RejoinV1 && r.clients == r.jitterConfig.clients { // those that are drawn
		found.Samples = samples
	}
	if found.Processes, err = r.fleet.Look(ctx, after.cpu.Since(before.cpu)); err != nil {
		return err
	}
	l := found.Latency(report.LatWritten)
	if l == nil {
		l = &report.Latency{}
	}
	r.say("%s, %s, event %s: %d sent, %d lost, %d twice, %d out of order; p50 %.1f, p99 %.0f ms", r.subject, r.protocol, event,
		found.Tally.Sent, found.Lost, found.Tally.Duplicated, found.Tally.Disordered, l.P50/1e3, l.P99/1e3)
	r.file.Results = append(r.file.Results, found)
	return nil
}

// happen has an event happen when a third of the window has passed.
func (r *jitterRun) happen(ctx context.Context, event string) error {
	if event == eventNone {
		return nil
	}
	if err := sleep(ctx, r.duration/3); err != nil {
		return err
	}
	r.say("%s: %s", r.subject, event)
	if event == eventKill {
		r.fleet.End(0, true)
		if err := sleep(ctx, killedFor); err != nil {
			return err
		}
		return r.fleet.Begin(ctx, 0)
	}
	for i := range r.fleet.Servers {
		if i > 0 {
			if err := sleep(ctx, settleTime); err != nil {
				return err
			}
		}
		r.fleet.End(i, false)
		if err := r.fleet.Begin(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// reading is what is subtracted to know what happened in a window.
type reading struct {
	cpu  fleet.CPU
	load time.Duration
	lap  lap
	rss  int64
	when time.Time
}

func (r *jitterRun) look() (s reading, err error) {
	s.lap, s.when = r.crowd.state(), time.Now()
	if s.cpu, err = r.fleet.CPU(); err != nil {
		return s, err
	}
	if s.load, err = r.crowd.cpu(); err != nil {
		return s, err
	}
	s.rss, err = r.fleet.RSS()
	return s, err
}

func (r *jitterRun) result(event string, before, after reading, ok bool) report.Result {
	end := r.crowd.state()
	f := report.Result{Subject: r.subject, Settings: append(r.fleet.Settings(),
		report.Setting{Name: "protocol", Value: string(r.protocol)}, report.Setting{Name: "event", Value: event},
		report.Setting{Name: "clients", Value: strconv.Itoa(r.clients)}, report.Setting{Name: "messages a second of each", Value: fmt.Sprint(r.perClient)},
		report.Setting{Name: "cut after", Value: fmt.Sprintf("%s to %s", r.every, r.every+r.spread)}, report.Setting{Name: "offline", Value: r.offline.String()},
		report.Setting{Name: "sent for", Value: r.duration.String()}, report.Setting{Name: "server processes", Value: strconv.Itoa(r.instances)})}
	tally := end.Tally.Since(before.lap.Tally)
	f.Judge(tally)
	if !ok {
		f.Problems = append(f.Problems, fmt.Sprintf("not all is well in the end: %d clients are away, %d messages wait", end.Away, end.Waiting))
		f.OK = false
	}
	if first := cause(end.Cause); !f.OK {
		first.tell(&f)
	}
	switch {
	case r.subject != report.SubjectRejoin:
		f.OK = true // a finding, not a failure
	case r.protocol != protocol.RejoinV1:
		f.OK = ok && f.Lost == 0 // at least once, S2.6
	}
	used, took := after.cpu.Since(before.cpu), after.when.Sub(before.when).Seconds()
	n := float64(after.lap.Tally.Received - before.lap.Tally.Received)
	f.Add(report.FigConnections, "", float64(r.clients))
	f.Add(report.FigRate, "1/s", n/took)
	if tally.Sent > 0 {
		f.Add(report.FigDelivered, "%", 100*float64(tally.Received)/float64(tally.Sent))
	}
	f.Add("cuts", "", float64(end.Cuts-before.lap.Cuts))
	f.Add("ended_by_the_server", "", float64(end.Ended-before.lap.Ended))
	f.Add("resumed", "", float64(end.Resumed-before.lap.Resumed))
	f.Add("not_resumed", "", float64(end.Broken-before.lap.Broken))
	f.Add("sent_again", "", float64(end.Repeated-before.lap.Repeated))
	f.Add("server_processors", "", used.Servers.Seconds()/took)
	f.Add("redis_processors", "", used.Redis.Seconds()/took)
	f.Add("load_processors", "", (after.load-before.load).Seconds()/took)
	f.Add("server_rss", "MB", float64(after.rss)/1e6)
	f.Latencies = r.crowd.summary()
	return f
}
