package docs_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a command that runs in a terminal of its own: a process group, for what starts it (go run, bash) may be another
// process than what serves.
type process struct {
	t     *testing.T
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	ended chan struct{}
	// address is where a server listens, host:port; set by serve.
	address string

	mu     sync.Mutex
	out    bytes.Buffer  // guarded by mu
	change chan struct{} // closed and replaced when out grows; guarded by mu
	err    error         // valid after ended
}

// launch starts a command line. The process is ended with the test.
func launch(t *testing.T, dir, line string, env ...string) *process {
	t.Helper()
	p := &process{t: t, name: line, cmd: exec.Command("bash", "-c", line), ended: make(chan struct{}), change: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = 10 * time.Second
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin = stdin
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.end(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("%s\n%s", line, p.output())
		}
	})
	return p
}

// Write takes what the process prints.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.change)
	p.change = make(chan struct{})
	return p.out.Write(b)
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// await returns the output as soon as it satisfies ok.
func (p *process) await(ctx context.Context, ok func(string) bool) string {
	p.t.Helper()
	for {
		p.mu.Lock()
		out, change := p.out.String(), p.change
		p.mu.Unlock()
		if ok(out) {
			return out
		}
		select {
		case <-change:
		case <-p.ended:
			if out = p.output(); ok(out) {
				return out
			}
			p.t.Fatalf("%s ended (%v) and had printed\n%s", p.name, p.err, out)
		case <-ctx.Done():
			p.t.Fatalf("%s has printed\n%s", p.name, p.output())
		}
	}
}

// awaitText waits for a text to be printed.
func (p *process) awaitText(ctx context.Context, text string) string {
	p.t.Helper()
	return p.await(ctx, func(out string) bool { return strings.Contains(out, text) })
}

// enter types a line into the process.
func (p *process) enter(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		p.t.Fatalf("type %q into %s: %v", line, p.name, err)
	}
}

// end signals all of the process and waits until it is gone; what does not go is killed.
func (p *process) end(s syscall.Signal) {
	_ = syscall.Kill(-p.cmd.Process.Pid, s)
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
}
