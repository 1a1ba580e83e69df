//go:build linux

package scenario

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/fleet"
	"github.com/rejoin-dev/rejoin/tools/loadtest/procfs"
	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
)

// Runner runs scenarios.
type Runner struct {
	Stderr io.Writer // progress
	// Worker is the command that runs Worker in a process of its own: a program and its arguments.
	Worker []string
}

// Run runs a scenario with its command line. It returns results even if they are bad; the path is where -json wants them,
// empty for nowhere. It returns flag.ErrHelp when help was asked for.
func (r *Runner) Run(ctx context.Context, name string, args []string) (f *report.File, path string, err error) {
	run, ok := map[string]func(*bench, context.Context, []string) error{
		"idle": (*bench).idle, "relay": (*bench).relay, "resume": (*bench).resume, "start": (*bench).start,
		"hostile": (*bench).hostile, "load": (*bench).load, "storm": (*bench).storm, "jitter": (*bench).jitter, "peerjs": (*bench).peerjs,
	}[name]
	if !ok {
		return nil, "", fmt.Errorf("no scenario %q: want idle, relay, resume, hostile, load, storm, jitter, peerjs or start", name)
	}
	b := &bench{runner: r, name: name, began: time.Now()}
	b.file = report.File{
		Scenario: name, Command: command(name, args), When: time.Now().UTC(), Revision: revision(ctx), Go: runtime.Version(), Machine: procfs.ThisMachine(),
	}
	defer b.cleanUp()
	if err := run(b, ctx, args); err != nil {
		return nil, "", err
	}
	if err := b.plot(); err != nil {
		return nil, "", err
	}
	return &b.file, b.opt.JSON, nil
}

// bench is one run of a scenario.
type bench struct {
	runner *Runner
	name   string
	began  time.Time
	opt    *options
	file   report.File
	dir    string // of binaries; empty until one is built
	// container holds the servers, nil: none.
	container *fleet.Container
}

// say prints a line of progress.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.runner.Stderr, "%6.1fs %s: %s\n", time.Since(b.began).Seconds(), b.name, fmt.Sprintf(format, args...))
}

// plot draws the run over time where -plot wants it.
func (b *bench) plot() error {
	if b.opt.plot == "" {
		return nil
	}
	t := b.file.Timeline()
	if len(t) == 0 {
		return fmt.Errorf("%s has nothing to plot over time", b.name)
	}
	if err := os.WriteFile(b.opt.plot, []byte(t.SVG()), 0o644); err != nil {
		return fmt.Errorf("write the plot: %w", err)
	}
	return nil
}

func (b *bench) cleanUp() {
	if b.dir != "" {
		_ = os.RemoveAll(b.dir)
	}
}

// build builds a package once.
func (b *bench) build(ctx context.Context, pkg string) (string, error) {
	if pkg == fleet.Signal && b.opt.binary != "" {
		return filepath.Abs(b.opt.binary)
	}
	if b.dir == "" {
		dir, err := os.MkdirTemp("", "rejoin-loadtest-")
		if err != nil {
			return "", fmt.Errorf("make a directory: %w", err)
		}
		b.dir = dir
	}
	b.say("building %s", filepath.Base(pkg))
	return fleet.Build(ctx, b.dir, pkg)
}

// pinned are the settings of started servers: the defaults, said aloud, so that a figure never depends on a default that changed.
func pinned(o *options, more ...string) []string {
	env := []string{
		"PING_INTERVAL=25s", "GRACE_WINDOW=60s", "RESUME_BY_ROLE=wallet", "SYNC_INTERVAL=5m", "MAX_MESSAGE_BYTES=65536",
		"RATE_LIMIT_MESSAGES=100", "LOG_LEVEL=info", "LOG_FORMAT=text",
	}
	for _, e := range append(more, o.env...) {
		name, _, _ := strings.Cut(e, "=")
		at := len(env)
		for i := range env {
			if strings.HasPrefix(env[i], name+"=") {
				at = i
			}
		}
		env = append(env[:at], append([]string{e}, env[min(at+1, len(env)):]...)...)
	}
	return env
}

// plan builds what is to be started.
func (b *bench) plan(ctx context.Context, subject string, instances int, env []string) (fleet.Plan, error) {
	pkg := fleet.Signal
	if subject == report.SubjectBaseline {
		pkg, env = fleet.Baseline, nil
	}
	binary, err := b.build(ctx, pkg)
	if err != nil {
		return fleet.Plan{}, err
	}
	redis, err := exec.LookPath(b.opt.redisServer)
	if err != nil {
		return fleet.Plan{}, fmt.Errorf("find redis-server: %w", err)
	}
	return fleet.Plan{Binary: binary, HasHTTP: pkg == fleet.Signal, Instances: instances, Env: env, Redis: redis, Container: b.container}, nil
}

// servers starts what a subject needs, or describes what was given.
func (b *bench) servers(ctx context.Context, subject string, instances int, env []string) (*fleet.Fleet, error) {
	if subject == report.SubjectRejoin && b.opt.a != "" {
		urls, pids, err := b.opt.given()
		if err != nil {
			return nil, err
		}
		return fleet.Attach(urls, pids, b.opt.redisPID)
	}
	plan, err := b.plan(ctx, subject, instances, env)
	if err != nil {
		return nil, err
	}
	f, err := fleet.Start(ctx, plan)
	if err != nil {
		return nil, err
	}
	if b.file.Redis == "" {
		b.file.Redis = f.RedisVersion(ctx)
	}
	var settings []string
	for _, s := range f.Settings() {
		settings = append(settings, s.Name+"="+s.Value)
	}
	b.say("%s: %d server processes, %s", subject, instances, strings.Join(settings, " "))
	return f, nil
}

// sleep waits, or returns why it may not.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// usedIn returns the processor time that a fleet uses from now on for d, which it waits for.
func usedIn(ctx context.Context, f *fleet.Fleet, d time.Duration) (used fleet.CPU, err error) {
	before, err := f.CPU()
	if err != nil {
		return used, err
	}
	if err := sleep(ctx, d); err != nil {
		return used, err
	}
	after, err := f.CPU()
	return after.Since(before), err
}

// sleepUntil is sleep to a moment.
func sleepUntil(ctx context.Context, t time.Time) error { return sleep(ctx, time.Until(t)) }

// command is how to repeat the run, without paths of this machine.
func command(name string, args []string) string {
	parts := []string{"go run ./tools/loadtest", name}
	for i := 0; i < len(args); i++ {
		flag, _, joined := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		if flag == "json" || flag == "plot" || flag == "server-binary" || flag == "redis-server" {
			if !joined {
				i++
			}
			continue
		}
		parts = append(parts, args[i])
	}
	return strings.Join(parts, " ")
}

// revision is that of the tree in the working directory, as git tells it; "unknown" without git.
func revision(ctx context.Context) string {
	git := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-c", "safe.directory=*"}, args...)...).Output()
		return strings.TrimSpace(string(out)), err
	}
	head, err := git("rev-parse", "--short=12", "HEAD")
	if err != nil {
		return "unknown"
	}
	if changes, err := git("status", "--porcelain"); err != nil || changes != "" {
		head += "+changes"
	}
	return head
}

// micros is a duration per operation in microseconds; 0 when there were none.
func micros(d time.Duration, count float64) float64 {
	if count == 0 {
		return 0
	}
	return float64(d.Nanoseconds()) / 1e3 / count
}
