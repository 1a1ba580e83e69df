//go:build linux

package scenario

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// Names of the figures of hostile.
const (
	figTricklers = "trickling_connections"
	figEnded     = "trickling_connections_ended_by_the_server"
	figBuffered  = "bytes_held_for_incomplete_messages"
	figHeldRSS   = "rss_per_trickling_connection"
)

type hostileConfig struct {
	relayConfig
	tricklers int
}

func (b *bench) hostileFlags(args []string) (c hostileConfig, err error) {
	f, o := newFlags("hostile", "pairs beside connections that send a byte a second, half of them of a head, half of a frame", b.runner.Stderr)
	b.opt = o
	c.relayConfig = relayConfig{instances: 2, threads: 1, inflight: 1, rate: 500, warmup: 2 * time.Second, drain: 15 * time.Second, idleWindow: time.Second}
	f.IntVar(&c.tricklers, "n", 10_000, "connections that trickle")
	f.IntVar(&c.pairs, "pairs", 250, "pairs of an extension and a wallet that work")
	f.Var(&c.rate, "rate", "messages a second of the pairs")
	f.IntVar(&c.repeat, "repeat", 2, "measure so many times without and with the tricklers, by turns")
	f.DurationVar(&c.duration, "duration", 10*time.Second, "how long it is measured each time")
	if err := o.parse(f, args); err != nil {
		return c, err
	}
	if c.tricklers < 2 || c.pairs < 1 || c.tricklers+2*c.pairs > maxHeld || c.repeat < 1 || c.duration <= 0 || c.rate == 0 {
		return c, fmt.Errorf("want -n of at least 2, -pairs of at least 1, together at most %d connections, -repeat and -duration of more than 0, a -rate", maxHeld)
	}
	return c, nil
}

// hostile measures pairs without and with connections that trickle, by turns.
func (b *bench) hostile(ctx context.Context, args []string) (err error) {
	c, err := b.hostileFlags(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.opt.timeout)
	defer cancel()
	run := &relayRun{bench: b, relayConfig: c.relayConfig, subject: report.SubjectRejoin, total: total{result: newResult()}}
	defer func() { err = errors.Join(err, run.stop()) }()
	if err := run.start(ctx); err != nil {
		return err
	}
	alone, beside := total{result: newResult()}, total{result: newResult()}
	var quiet report.Result
	for i := range c.repeat {
		run.total = alone
		if err := run.measure(ctx, i); err != nil {
			return err
		}
		alone = run.total
		if i == 0 { // the processes as they are before they saw a trickler
			if quiet, err = run.result(ctx); err != nil {
				return err
			}
		}
		last := i == c.repeat-1
		run.total = beside
		found, err := b.besideTricklers(ctx, run, c.tricklers, i, last)
		if err != nil {
			return err
		}
		beside = run.total
		if last {
			b.file.Results = append(b.file.Results, found)
		}
	}
	run.total = alone
	found, err := run.result(ctx)
	found.Processes = quiet.Processes
	b.file.Results = append(b.file.Results, found)
	return err
}

// besideTricklers measures a window with tricklers, which are gone when it returns. The result is of all such windows so far, and
// only made when it is the last.
func (b *bench) besideTricklers(ctx context.Context, run *relayRun, count, round int, last bool) (found report.Result, err error) {
	var servers []netip.AddrPort
	for _, s := range run.fleet.Servers {
		servers = append(servers, s.Addr)
	}
	before, err := run.fleet.RSS()
	if err != nil {
		return found, err
	}
	t := newTricklers(strconv.FormatInt(b.began.UnixNano(), 36)+"-trickle", 2*run.pairs, count, servers)
	t.start(ctx)
	defer func() { err = errors.Join(err, t.stop()) }()
	if err := t.await(ctx); err != nil {
		return found, err
	}
	b.say("%d connections trickle", t.open.Load())
	if err := run.measure(ctx, round); err != nil || !last {
		return found, err
	}
	if found, err = run.result(ctx); err != nil {
		return found, err
	}
	found.Subject = report.SubjectHostile
	after, err := run.fleet.RSS()
	if err != nil {
		return found, err
	}
	var buffered float64
	for _, s := range run.fleet.Servers {
		n, err := s.Metric(ctx, "rejoin_edge_buffered_bytes")
		if err != nil {
			return found, err
		}
		buffered += n
	}
	found.Add(figTricklers, "", float64(t.open.Load()))
	found.Add(figEnded, "", float64(t.ended.Load()))
	found.Add(figBuffered, "bytes", buffered)
	found.Add(figHeldRSS, "bytes", float64(after-before)/float64(count))
	if t.sent.Load() == 0 {
		found.Judge(traffic.Tally{Failed: 1})
	}
	return found, nil
}
