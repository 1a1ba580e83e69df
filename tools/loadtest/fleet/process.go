package fleet

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const (
	readyTimeout = 30 * time.Second
	stopTimeout  = 3 * time.Second
	logSize      = 16 << 10
)

// Process is a server under test. Its methods are safe for concurrent use.
type Process struct {
	Name string
	PID  int            // 0: not known
	Addr netip.AddrPort // where clients connect

	private string // host:port of its private HTTP port, empty when it has none
	cmd     *exec.Cmd
	log     *tail
	ended   chan struct{} // closed when it is reaped; nil when we did not start it
}

// startProcess returns when the program runs.
func startProcess(name, binary string, args, env []string) (*Process, error) {
	p := &Process{Name: name, cmd: exec.Command(binary, args...), log: &tail{}, ended: make(chan struct{})}
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = dieWithParent()
	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p.PID = p.cmd.Process.Pid
	return p, nil
}

// run starts and reaps the program on a thread of its own: the parent-death signal comes when the thread ends that
// started the child.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	_ = p.cmd.Wait() // how it ended is in its state
	close(p.ended)
}

// await calls ready every so often until it reports nil. It fails when the process ends, or after half a minute.
func (p *Process) await(ctx context.Context, every time.Duration, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended: %v\n%s", p.Name, p.cmd.ProcessState, p.log)
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w\n%s", p.Name, errors.Join(ctx.Err(), err), p.log)
		case <-ticker.C:
		}
	}
}

// Stop ends a process that was started here and blocks until it is reaped: SIGTERM, and SIGKILL for one that takes too
// long.
func (p *Process) Stop() { p.stopWithin(stopTimeout) }

// stopWithin reports whether it ended by itself.
func (p *Process) stopWithin(limit time.Duration) bool {
	if p == nil || p.ended == nil {
		return false
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails when it has ended
	select {
	case <-p.ended:
		return true
	case <-time.After(limit):
		p.Kill()
		return false
	}
}

// Kill is Stop without asking.
func (p *Process) Kill() {
	if p.ended == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// tail keeps the end of a log.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if len(t.buf) > 2*logSize {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-logSize:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf[max(0, len(t.buf)-logSize):])
}
