package fleet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
)

// Plan is what to start.
type Plan struct {
	Binary    string   // of Signal or Baseline
	HasHTTP   bool     // it has a private HTTP port: Signal
	Instances int      // at least 1
	Env       []string // settings, "NAME=value"; addresses and REDIS_URL are added
	Redis     string   // the program redis-server
	Args      []string // of the program
	// Addresses are settings that tell a server where to listen and where Redis is. nil: those of Signal and Baseline.
	Addresses func(listen, private, redis netip.AddrPort) []string
	// Container holds the instances, nil: no container. Its maker removes it, after Stop.
	Container *Container
}

// Fleet is some instances of a server and their Redis. CPU and RSS may be called while an instance is replaced.
type Fleet struct {
	Servers []*Process
	Redis   *Process // nil: not known
	plan    Plan
	dir     string

	mu   sync.Mutex      // guards what Servers holds while an instance is replaced, and what follows
	past []time.Duration // processor time of the processes that each instance had before
}

// Start starts Redis and the instances and returns when all are ready.
func Start(ctx context.Context, plan Plan) (*Fleet, error) {
	dir, err := os.MkdirTemp("", "rejoin-loadtest-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	f := &Fleet{dir: dir, plan: plan, past: make([]time.Duration, plan.Instances)}
	if f.Redis, err = startRedis(ctx, plan.Redis, dir); err != nil {
		return nil, errors.Join(err, f.Stop())
	}
	for i := range plan.Instances {
		addr, err := freePort()
		if err != nil {
			return nil, errors.Join(err, f.Stop())
		}
		p, err := f.startServer(ctx, plan, "server "+strconv.Itoa(i+1), addr)
		if err != nil {
			return nil, errors.Join(err, f.Stop())
		}
		f.Servers = append(f.Servers, p)
	}
	return f, nil
}

func (f *Fleet) startServer(ctx context.Context, plan Plan, name string, addr netip.AddrPort) (*Process, error) {
	p, err := f.launch(plan, name, addr)
	if err != nil {
		return nil, err
	}
	ready := p.dials
	if plan.HasHTTP {
		ready = p.isReady
	}
	if err := p.await(ctx, 10*time.Millisecond, ready); err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// Launch starts one more instance and does not wait for anything. Its caller stops it.
func (f *Fleet) Launch(plan Plan, name string) (*Process, error) {
	addr, err := freePort()
	if err != nil {
		return nil, err
	}
	return f.launch(plan, name, addr)
}

func (f *Fleet) launch(plan Plan, name string, addr netip.AddrPort) (*Process, error) {
	private, err := freePort()
	if err != nil {
		return nil, err
	}
	addresses := plan.Addresses
	if addresses == nil {
		addresses = ours
	}
	env := append(addresses(addr, private, f.Redis.Addr), plan.Env...)
	program, args := plan.Container.command(plan.Binary)
	args = append(args, plan.Args...)
	p, err := startProcess(name, program, args, env)
	if err != nil {
		return nil, err
	}
	p.Addr = addr
	if plan.HasHTTP {
		p.private = private.String()
	}
	return p, nil
}

// ours are the settings of Signal and Baseline.
func ours(listen, private, redis netip.AddrPort) []string {
	return []string{
		"HOST=" + listen.Addr().String(), fmt.Sprintf("PORT=%d", listen.Port()), fmt.Sprintf("HTTP_PORT=%d", private.Port()),
		"REDIS_URL=redis://" + redis.String(),
	}
}

// dials reports whether the address accepts connections.
func (p *Process) dials(ctx context.Context) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp4", p.Addr.String())
	if err != nil {
		return err
	}
	return conn.Close()
}

// Attach describes servers that run already, by their URLs, ws://127.0.0.1:4000. What is to be measured has to be told by
// process ID: pids in the order of the URLs, redis 0 when it is not to be measured.
func Attach(urls []string, pids []int, redis int) (*Fleet, error) {
	if len(pids) != 0 && len(pids) != len(urls) {
		return nil, fmt.Errorf("%d process IDs for %d servers", len(pids), len(urls))
	}
	f := &Fleet{}
	for i, text := range urls {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "ws" {
			return nil, fmt.Errorf("%q: want ws://127.0.0.1:port", text)
		}
		addr, err := netip.ParseAddrPort(strings.Replace(u.Host, "localhost", "127.0.0.1", 1))
		if err != nil {
			return nil, fmt.Errorf("%q: want ws://127.0.0.1:port: %w", text, err)
		}
		if err := swarm.CheckLoopback(addr); err != nil {
			return nil, err
		}
		p := &Process{Name: "server " + strconv.Itoa(i+1), Addr: addr}
		if len(pids) > 0 {
			p.PID = pids[i]
		}
		f.Servers = append(f.Servers, p)
	}
	if redis != 0 {
		f.Redis = &Process{Name: "redis", PID: redis}
	}
	return f, nil
}

// Stop ends what was started, servers first, and removes what they left.
func (f *Fleet) Stop() error {
	if f == nil {
		return nil
	}
	for _, p := range f.Servers {
		p.Stop()
	}
	f.Redis.Stop()
	if f.dir == "" {
		return nil
	}
	if err := os.RemoveAll(f.dir); err != nil {
		return fmt.Errorf("clean up: %w", err)
	}
	return nil
}

// Settings are those of the processes that were started.
func (f *Fleet) Settings() []report.Setting {
	if f.dir == "" {
		return []report.Setting{{Name: "servers", Value: "given"}}
	}
	var list []report.Setting
	for _, e := range f.plan.Env {
		name, value, _ := strings.Cut(e, "=")
		list = append(list, report.Setting{Name: name, Value: value})
	}
	quoted := make([]string, len(redisArgs))
	for i, a := range redisArgs {
		if quoted[i] = a; a == "" {
			quoted[i] = "''"
		}
	}
	return append(list, report.Setting{Name: "redis-server", Value: strings.Join(quoted, " ")})
}
