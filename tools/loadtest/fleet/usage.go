package fleet

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/procfs"
	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
)

// CPU is processor time of all processes so far, to 10 ms each.
type CPU struct {
	Servers, Redis time.Duration
	each           []time.Duration // servers, then Redis
}

// Since returns what was used since an earlier look.
func (c CPU) Since(o CPU) CPU {
	d := CPU{Servers: c.Servers - o.Servers, Redis: c.Redis - o.Redis}
	for i := range min(len(c.each), len(o.each)) {
		d.each = append(d.each, c.each[i]-o.each[i])
	}
	return d
}

// Plus adds two uses.
func (c CPU) Plus(o CPU) CPU {
	if c.each == nil {
		return o
	}
	sum := CPU{Servers: c.Servers + o.Servers, Redis: c.Redis + o.Redis}
	for i := range min(len(c.each), len(o.each)) {
		sum.each = append(sum.each, c.each[i]+o.each[i])
	}
	return sum
}

// CPU reads the processor times. Processes without a known ID count as 0.
func (f *Fleet) CPU() (CPU, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var c CPU
	for i, p := range f.Servers {
		d, err := p.cpu()
		if err != nil {
			return CPU{}, err
		}
		if i < len(f.past) {
			d += f.past[i]
		}
		c.Servers += d
		c.each = append(c.each, d)
	}
	var err error
	if c.Redis, err = f.Redis.cpu(); err != nil {
		return CPU{}, err
	}
	c.each = append(c.each, c.Redis)
	return c, nil
}

func (p *Process) cpu() (time.Duration, error) {
	if p == nil || p.PID == 0 {
		return 0, nil
	}
	d, err := procfs.CPU(p.PID)
	if err != nil {
		return 0, fmt.Errorf("read the processor time of %s: %w\n%s", p.Name, err, p.log)
	}
	return d, nil
}

// RSS returns the resident memory of all server processes, bytes.
func (f *Fleet) RSS() (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var sum int64
	for _, p := range f.Servers {
		if p.PID == 0 {
			continue
		}
		m, err := procfs.MemoryOf(p.PID)
		if err != nil {
			return 0, fmt.Errorf("read the memory of %s: %w", p.Name, err)
		}
		sum += m.RSS
	}
	return sum, nil
}

// Look describes all processes with a known ID; used is what they used while they were measured.
func (f *Fleet) Look(ctx context.Context, used CPU) ([]report.Process, error) {
	var list []report.Process
	all := f.Servers
	if f.Redis != nil {
		all = append(all[:len(all):len(all)], f.Redis)
	}
	for i, p := range all {
		if p.PID == 0 {
			continue
		}
		r, err := p.look(ctx)
		if err != nil {
			return nil, err
		}
		if i < len(used.each) {
			r.CPUSeconds = used.each[i].Seconds()
		}
		list = append(list, r)
	}
	if f.Redis != nil && f.Redis.Addr.IsValid() && len(list) > 0 {
		text, err := redisInfo(ctx, f.Redis.Addr, "clients", "connected_clients")
		if err != nil {
			return nil, err
		}
		n, _ := strconv.Atoi(text)
		list[len(list)-1].Connections = n - 1 // the one that asks
	}
	return list, nil
}

func (p *Process) look(ctx context.Context) (report.Process, error) {
	r := report.Process{Name: p.Name}
	m, err := procfs.MemoryOf(p.PID)
	if err != nil {
		return r, fmt.Errorf("read the memory of %s: %w", p.Name, err)
	}
	r.RSSBytes, r.PSSBytes, r.PeakBytes = m.RSS, m.PSS, m.Peak
	if r.Descriptors, err = procfs.Descriptors(p.PID); err != nil {
		return r, fmt.Errorf("count the descriptors of %s: %w", p.Name, err)
	}
	goroutines, _ := p.Metric(ctx, "go_goroutines") // one without metrics does not say
	r.Goroutines = int(goroutines)
	return r, nil
}

// RedisVersion is that of the Redis that was started, else empty.
func (f *Fleet) RedisVersion(ctx context.Context) string {
	if f.Redis == nil || !f.Redis.Addr.IsValid() {
		return ""
	}
	version, _ := redisInfo(ctx, f.Redis.Addr, "server", "redis_version")
	return version
}

// isReady asks both ports: the private one may answer before the public one listens.
func (p *Process) isReady(ctx context.Context) error {
	if _, err := p.get(ctx, "/ready"); err != nil {
		return err
	}
	return p.dials(ctx)
}

// Metric returns the sum of all series of a metric.
func (p *Process) Metric(ctx context.Context, name string) (float64, error) {
	body, err := p.get(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	sum, found := 0.0, false
	for line := range strings.Lines(body) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if base, _, _ := strings.Cut(series, "{"); base == name {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0, fmt.Errorf("read metric %s: %w", name, err)
			}
			sum, found = sum+v, true
		}
	}
	if !found {
		return 0, fmt.Errorf("%s has no metric %s", p.Name, name)
	}
	return sum, nil
}

// get asks the private port.
func (p *Process) get(ctx context.Context, path string) (string, error) {
	if p.private == "" {
		return "", fmt.Errorf("%s has no private port", p.Name)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.private+path, nil)
	if err != nil {
		return "", err
	}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %s", path, res.Status, strings.TrimSpace(string(body)))
	}
	return string(body), err
}
