//go:build linux

package scenario

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/fleet"
	"github.com/rejoin-dev/rejoin/tools/loadtest/procfs"
	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
)

// watch samples a crowd and its servers while they work, and says how it goes.
type watch struct {
	bench *bench
	fleet *fleet.Fleet
	crowd *crowd
	began time.Time
	cpu   fleet.CPU
	last  time.Time
	said  time.Time
	tally uint64 // received

	// owned by run until ended is closed
	taken []report.Sample
	err   error
	ended chan struct{}
}

const sayEvery = time.Second

// watch takes a sample every so often until ctx ends.
func (b *bench) watch(ctx context.Context, f *fleet.Fleet, c *crowd, every time.Duration) (*watch, error) {
	cpu, err := f.CPU()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	w := &watch{bench: b, fleet: f, crowd: c, began: now, last: now, said: now, cpu: cpu, ended: make(chan struct{})}
	go w.run(ctx, every)
	return w, nil
}

func (w *watch) run(ctx context.Context, every time.Duration) {
	defer close(w.ended)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		s, err := w.sample()
		if err != nil {
			w.err = err
			return
		}
		w.taken = append(w.taken, s)
	}
}

// samples returns what was taken, once ctx has ended.
func (w *watch) samples() ([]report.Sample, error) {
	<-w.ended
	return w.taken, w.err
}

func (w *watch) sample() (report.Sample, error) {
	now := time.Now()
	cpu, err := w.fleet.CPU()
	if err != nil {
		return report.Sample{}, err
	}
	servers, err := w.fleet.RSS()
	if err != nil {
		return report.Sample{}, err
	}
	var redis procfs.Memory
	if w.fleet.Redis != nil && w.fleet.Redis.PID != 0 {
		if redis, err = procfs.MemoryOf(w.fleet.Redis.PID); err != nil {
			return report.Sample{}, fmt.Errorf("read the memory of Redis: %w", err)
		}
	}
	state, seconds := w.crowd.state(), now.Sub(w.last).Seconds()
	used := cpu.Since(w.cpu)
	s := report.Sample{
		Seconds: rounded(now.Sub(w.began).Seconds()), Users: state.Opened, Away: state.Away,
		Messages:   rounded(float64(state.Tally.Received-w.tally) / seconds),
		ServersCPU: rounded(used.Servers.Seconds() / seconds), RedisCPU: rounded(used.Redis.Seconds() / seconds),
		ServersMB: rounded(float64(servers) / 1e6), RedisMB: rounded(float64(redis.RSS) / 1e6),
	}
	w.crowd.percentiles(&s)
	w.last, w.cpu, w.tally = now, cpu, state.Tally.Received
	if now.Sub(w.said) >= sayEvery*9/10 {
		w.said = now
		w.say(&s, &state)
	}
	return s, nil
}

// percentiles takes those since the last sample.
func (c *crowd) percentiles(s *report.Sample) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, at := range map[string][2]*float64{
		latOneWay: {&s.OneWayP50, &s.OneWayP99}, latUpgrade: {&s.UpgradeP50, &s.UpgradeP99}, latResume: {&s.ResumeP50, &s.ResumeP99},
	} {
		l := c.recent[name].Latency(name)
		*at[0], *at[1] = rounded(l.P50/1e3), rounded(l.P99/1e3)
	}
	for _, h := range c.recent {
		h.Reset()
	}
}

func (w *watch) say(s *report.Sample, l *lap) {
	text := fmt.Sprintf("%6d users", s.Users)
	if l.Away > 0 {
		text += fmt.Sprintf(", %d away", l.Away)
	}
	if l.Negotiated > 0 {
		text += fmt.Sprintf(", %d negotiations", l.Negotiated)
	}
	text += fmt.Sprintf(", %5.0f messages/s", s.Messages)
	if s.OneWayP99 > 0 {
		text += fmt.Sprintf(", one way %.1f (p99 %.1f) ms", s.OneWayP50, s.OneWayP99)
	}
	if s.ResumeP99 > 0 {
		text += fmt.Sprintf(", resume %.1f (p99 %.1f) ms", s.ResumeP50, s.ResumeP99)
	}
	text += fmt.Sprintf("; servers %.0f %% %.0f MB, Redis %.0f %% %.0f MB", 100*s.ServersCPU, s.ServersMB, 100*s.RedisCPU, s.RedisMB)
	if trouble := l.Tally.Disconnected + l.Tally.Failed + l.Tally.Refused + l.Tally.Unexpected; trouble > 0 || l.Later+l.Repeated > 0 {
		text += fmt.Sprintf("; %d came later, %d messages repeated, %d troubles", l.Later, l.Repeated, trouble)
	}
	w.bench.say("%s", text)
}

// rounded keeps three decimals: a sample is no more exact, and a file of thousands is read by people.
func rounded(v float64) float64 { return math.Round(v*1e3) / 1e3 }
