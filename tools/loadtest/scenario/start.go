//go:build linux

package scenario

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/fleet"
	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// knock is the pause between two attempts to get in.
const knock = 200 * time.Microsecond

// start measures how long it takes until the first client is in.
func (b *bench) start(ctx context.Context, args []string) (err error) {
	f, o := newFlags("start", "from the start of a process to its first client, and the binary's size", b.runner.Stderr)
	b.opt = o
	runs := f.Int("runs", 11, "how often it is started")
	if err := o.parse(f, args); err != nil {
		return err
	}
	if *runs < 1 || o.a != "" {
		return errors.New("want -runs of at least 1, and no -a: it starts the servers")
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	plan, err := b.plan(ctx, report.SubjectRejoin, 0, pinned(o))
	if err != nil {
		return err
	}
	servers, err := fleet.Start(ctx, plan)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, servers.Stop()) }()
	b.file.Redis = servers.RedisVersion(ctx)
	binary, err := os.Stat(plan.Binary)
	if err != nil {
		return fmt.Errorf("look at the binary: %w", err)
	}
	r := report.Result{Subject: report.SubjectRejoin, Settings: append(servers.Settings(), report.Setting{Name: "runs", Value: strconv.Itoa(*runs)})}
	var took []time.Duration
	for i := range *runs {
		d, err := b.startOnce(ctx, servers, plan, i, &r)
		if err != nil {
			return err
		}
		took = append(took, d)
		b.say("run %d: %s", i+1, d.Round(10*time.Microsecond))
	}
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	r.Add("start_to_upgrade_median", "ms", took[len(took)/2].Seconds()*1e3)
	r.Add("start_to_upgrade_least", "ms", took[0].Seconds()*1e3)
	r.Add("start_to_upgrade_most", "ms", took[len(took)-1].Seconds()*1e3)
	r.Add("binary", "MB", float64(binary.Size())/1e6)
	r.Judge(traffic.Tally{})
	b.file.Results = append(b.file.Results, r)
	return nil
}

// startOnce starts a server, gets in, and ends it.
func (b *bench) startOnce(ctx context.Context, f *fleet.Fleet, plan fleet.Plan, i int, r *report.Result) (time.Duration, error) {
	began := time.Now()
	p, err := f.Launch(plan, "server "+strconv.Itoa(i+1))
	if err != nil {
		return 0, err
	}
	one := fleet.Fleet{Servers: []*fleet.Process{p}, Redis: f.Redis}
	defer p.Stop()
	limit, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := getIn(limit, p)
		took := time.Since(began)
		if err == nil {
			r.Processes, err = one.Look(ctx, fleet.CPU{})
			return took, err
		}
		if sleep(limit, knock) != nil {
			return 0, fmt.Errorf("get into %s: %w", p.Name, err)
		}
	}
}

// getIn tries once to have a connection upgraded.
func getIn(ctx context.Context, p *fleet.Process) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp4", p.Addr.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write(swarm.Request(p.Addr.String(), traffic.Target("start", 0, traffic.Extension), "")); err != nil {
		return fmt.Errorf("ask for the upgrade: %w", err)
	}
	line, err := bufio.NewReader(io.LimitReader(conn, 1<<10)).ReadString('\n')
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if !strings.HasPrefix(line, "HTTP/1.1 101 ") {
		return fmt.Errorf("answered %q", strings.TrimSpace(line))
	}
	return nil
}
