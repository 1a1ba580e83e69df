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
	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
)

// What the clients of PeerServer and of Rejoin are measured in.
const (
	peerCost   = "cost"   // memory, connects, messages, latency
	peerKill   = "kill"   // an instance is killed, and started again after two seconds
	peerAway   = "away"   // half of the clients lose their network for two seconds; their servers hear nothing
	peerDeploy = "deploy" // each instance is asked to end, and started again, one after the other
	peerRedis  = "redis"  // Redis is killed, and started again after a second, empty
)

// awayFor is how long a phone has no network.
const awayFor = 2 * time.Second

type peerjsConfig struct {
	clients, pairs, inflight int
	instances                []int
	parts                    []string
	rate                     rate
	settle, duration         time.Duration
	faultClients             int
	withPeerServer           bool
	faultDuration, patience  time.Duration
}

func (b *bench) peerjsFlags(args []string) (c peerjsConfig, err error) {
	f, o := newFlags("peerjs", "clients as npm peerjs is one, of PeerServer and of Rejoin", b.runner.Stderr)
	b.opt = o
	c.rate = 1000
	f.IntVar(&c.clients, "clients", 5000, "connections of which memory and connecting are measured")
	f.IntVar(&c.pairs, "pairs", 200, "pairs of them that send")
	f.Var(&c.rate, "rate", "messages a second while latency is measured")
	f.IntVar(&c.inflight, "inflight", 4, "messages of each pair that are under way while throughput is measured")
	f.BoolVar(&c.withPeerServer, "with-peerserver", true, "measure PeerServer too, which npm fetches")
	instances := f.String("instances", "1,2", "server processes of Rejoin, a run for each; PeerServer has one")
	parts := f.String("parts", "cost,kill,away,deploy,redis", "what is measured")
	f.DurationVar(&c.settle, "settle", 5*time.Second, "rest before memory is read")
	f.DurationVar(&c.duration, "duration", 8*time.Second, "how long latency, and throughput, are measured")
	f.IntVar(&c.faultClients, "fault-clients", 200, "clients while something breaks; each sends two messages a second to one other")
	f.DurationVar(&c.faultDuration, "fault-duration", 15*time.Second, "how long they send; something breaks after a third of it")
	f.DurationVar(&c.patience, "patience", 5*time.Second, "how long messages may take to arrive after the last one was sent")
	if err := o.parse(f, args); err != nil {
		return c, err
	}
	for text := range strings.SplitSeq(*instances, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 16 {
			return c, fmt.Errorf("-instances %s: want 1 to 16", text)
		}
		c.instances = append(c.instances, n)
	}
	for part := range strings.SplitSeq(*parts, ",") {
		switch part {
		case peerCost, peerKill, peerAway, peerDeploy, peerRedis:
			c.parts = append(c.parts, part)
		default:
			return c, fmt.Errorf("-parts %s: want cost, kill, away, deploy, redis", part)
		}
	}
	switch {
	case o.a != "":
		err = errors.New("no -a: peerjs starts the servers, and ends them")
	case c.clients < 2 || c.clients > maxHeld || c.faultClients < 2 || c.faultClients > maxHeld:
		err = fmt.Errorf("want -clients and -fault-clients of 2 to %d", maxHeld)
	case c.pairs < 1 || 2*c.pairs > c.clients || c.inflight < 1 || c.inflight > 64 || c.rate == 0:
		err = errors.New("want -pairs of at most half of -clients, -inflight of 1 to 64, and a -rate")
	case c.duration <= 0 || c.faultDuration <= 0 || c.patience <= 0 || c.settle < 0:
		err = errors.New("want durations of more than 0")
	}
	return c, err
}

// peerjs measures PeerServer, and Rejoin with so many instances, with the same clients.
func (b *bench) peerjs(ctx context.Context, args []string) error {
	c, err := b.peerjsFlags(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.opt.timeout)
	defer cancel()
	for _, part := range c.parts {
		if c.withPeerServer && part != peerRedis { // PeerServer has no Redis
			if err := b.peerjsPart(ctx, &c, part, report.SubjectPeerServer, 1); err != nil {
				return err
			}
		}
		for _, n := range c.instances {
			if err := b.peerjsPart(ctx, &c, part, report.SubjectRejoin, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// peerjsRun is one part of one subject, on servers of its own.
type peerjsRun struct {
	*bench
	*peerjsConfig
	part  string
	fleet *fleet.Fleet
	peers *peers
	found report.Result
}

func (b *bench) peerjsPart(ctx context.Context, c *peerjsConfig, part, subject string, instances int) (err error) {
	var plan fleet.Plan
	if subject == report.SubjectPeerServer {
		plan, err = b.peerServerPlan(ctx)
	} else {
		plan, err = b.plan(ctx, subject, instances, pinned(b.opt, "PEERJS_PATH=/", "RATE_LIMIT_MESSAGES=0"))
	}
	if err != nil {
		return err
	}
	r := &peerjsRun{bench: b, peerjsConfig: c, part: part}
	if r.fleet, err = fleet.Start(ctx, plan); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.fleet.Stop()) }()
	if b.file.Redis == "" {
		b.file.Redis = r.fleet.RedisVersion(ctx)
	}
	r.found = report.Result{Subject: subject, Settings: []report.Setting{{Name: "part", Value: part}, {Name: "server processes", Value: strconv.Itoa(instances)}}}
	if subject == report.SubjectRejoin {
		r.found.Settings = append(r.found.Settings, r.fleet.Settings()...)
	}
	count := c.faultClients
	if part == peerCost {
		count = c.clients
	}
	if r.peers, err = newPeers(r.fleet, count, b.opt.pending); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.peers.stop()) }()
	if part == peerCost {
		err = r.cost(ctx)
	} else {
		err = r.fault(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s, %s: %w", subject, part, err)
	}
	if r.found.Processes, err = r.fleet.Look(ctx, fleet.CPU{}); err != nil {
		return err
	}
	b.file.Results = append(b.file.Results, r.found)
	return nil
}

// cost measures memory, connecting, latency and throughput.
func (r *peerjsRun) cost(ctx context.Context) error {
	f := &r.found
	if err := sleep(ctx, r.settle); err != nil {
		return err
	}
	empty, err := r.fleet.RSS()
	if err != nil {
		return err
	}
	took, err := r.peers.open(ctx)
	if err != nil {
		return err
	}
	if err := sleep(ctx, r.settle); err != nil {
		return err
	}
	full, err := r.fleet.RSS()
	if err != nil {
		return err
	}
	n := float64(r.clients)
	f.Add(report.FigConnections, "", n)
	f.Add(figEmptyRSS, "MB", float64(empty)/1e6/float64(len(r.fleet.Servers)))
	f.Add(figRSS, "bytes", float64(full-empty)/n)
	f.Add(figConnects, "1/s", n/took.Seconds())
	used, err := usedIn(ctx, r.fleet, r.duration)
	if err != nil {
		return err
	}
	f.Add(figIdleCPU, "µs/s", micros(used.Servers, n*r.duration.Seconds()))
	f.Add("redis_idle_cpu_per_connection", "µs/s", micros(used.Redis, n*r.duration.Seconds()))
	if err := r.send(ctx, report.LatPaced, r.rate, func() { r.peers.paced(2*r.pairs, r.rate.interval(1)) }); err != nil {
		return err
	}
	if err := r.send(ctx, report.LatMost, 0, func() { r.peers.answering(2*r.pairs, r.inflight) }); err != nil {
		return err
	}
	tally, err := r.peers.settled(ctx, r.patience)
	tally.Confirmed = tally.Sent // this protocol confirms nothing
	f.Judge(tally)
	r.say("%s, %d processes: %.0f bytes, %.0f connects/s, ok: %v", f.Subject, len(r.fleet.Servers), float64(full-empty)/n, n/took.Seconds(), f.OK)
	return err
}

// send measures messages for a while.
func (r *peerjsRun) send(ctx context.Context, name string, at rate, begin func()) error {
	if err := r.peers.do(ctx, begin); err != nil {
		return err
	}
	if err := sleep(ctx, time.Second); err != nil { // warm
		return err
	}
	var from, to uint64
	var summary report.Latency
	if err := r.peers.do(ctx, func() { from = r.peers.tally.Received; r.peers.latency.Reset() }); err != nil {
		return err
	}
	began := time.Now()
	used, err := usedIn(ctx, r.fleet, r.duration)
	if err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	if err := r.peers.do(ctx, func() {
		to, summary = r.peers.tally.Received, r.peers.latency.Latency(name)
		r.peers.rest()
	}); err != nil {
		return err
	}
	n := float64(to - from)
	suffix := report.Paced
	if at == 0 {
		suffix = report.Most
	}
	r.found.Add(report.FigRate+suffix, "1/s", n/took)
	r.found.Add(report.FigServerCPU+suffix, "µs", micros(used.Servers, n))
	r.found.Add(report.FigRedisCPU+suffix, "µs", micros(used.Redis, n))
	r.found.Latencies = append(r.found.Latencies, summary)
	return sleep(ctx, time.Second) // what is under way arrives
}

// fault has something break while clients send.
func (r *peerjsRun) fault(ctx context.Context) error {
	if _, err := r.peers.open(ctx); err != nil {
		return err
	}
	interval := int64(time.Second) / int64(2*r.faultClients)
	if err := r.peers.do(ctx, func() { r.peers.paced(r.faultClients, interval) }); err != nil {
		return err
	}
	visiting, leave := context.WithCancel(ctx)
	defer leave()
	visitor := newVisitor(visiting, r.peers.run, r.peers.servers)
	end := time.Now().Add(r.faultDuration)
	if err := sleep(ctx, r.faultDuration/3); err != nil {
		return err
	}
	if err := r.happen(ctx); err != nil {
		return err
	}
	if err := sleepUntil(ctx, end); err != nil {
		return err
	}
	leave()
	<-visitor.ended
	if err := r.peers.do(ctx, r.peers.rest); err != nil {
		return err
	}
	tally, err := r.peers.settled(ctx, r.patience)
	if err != nil {
		return err
	}
	tally.Confirmed = tally.Sent
	f := &r.found
	f.Judge(tally)
	var shut int
	var silence time.Duration
	if err := r.peers.do(ctx, func() { shut, silence = r.peers.shut(), time.Duration(r.peers.silence) }); err != nil {
		return err
	}
	f.Add("reconnects", "", float64(r.peers.reconnects))
	f.Add(report.FigWithoutOpen, "", float64(shut))
	f.Add("peer_unavailable", "", float64(r.peers.expired))
	f.Add(report.FigSilence, "s", silence.Seconds())
	f.Add(report.FigShut, "s", visitor.longest.Seconds())
	if first := cause(r.peers.cause); !f.OK {
		first.tell(f)
	}
	r.say("%s, %d processes, %s: %d sent, %d lost, %d twice, %d without OPEN, %d peer-unavailable, silent for %.1f s, closed for %.1f s", f.Subject, len(r.fleet.Servers), r.part,
		tally.Sent, f.Lost, tally.Duplicated, shut, r.peers.expired, silence.Seconds(), visitor.longest.Seconds())
	f.OK = true // what is lost here is a finding, not a failure
	return nil
}

func (r *peerjsRun) happen(ctx context.Context) error {
	switch r.part {
	case peerKill:
		r.fleet.End(0, true)
		if err := sleep(ctx, killedFor); err != nil {
			return err
		}
		return r.fleet.Begin(ctx, 0)
	case peerAway:
		return r.peers.do(ctx, func() { r.peers.loseNetwork(awayFor) })
	case peerRedis:
		return r.fleet.RestartRedis(ctx, time.Second)
	}
	for i := range r.fleet.Servers {
		r.fleet.End(i, false)
		if err := r.fleet.Begin(ctx, i); err != nil {
			return err
		}
	}
	return nil
}
