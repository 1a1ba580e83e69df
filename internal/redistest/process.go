package redistest

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// stopTimeout bounds how long a server may take to end by itself before it is killed. Redis
// waits for lagging replicas at most this long by default (shutdown-timeout).
const stopTimeout = 10 * time.Second

// process is a redis-server that was started and will be reaped. It is safe for concurrent use.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed once the process is reaped
}

// startProcess returns when the program runs; it may end at any moment thereafter.
func startProcess(binary string, args []string) (*process, error) {
	p := &process{cmd: exec.Command(binary, args...), exited: make(chan struct{})}
	p.cmd.SysProcAttr = dieWithParent()
	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// run starts the program and reaps it, on a thread of its own: Linux sends the parent-death
// signal when the thread that started the child ends, which otherwise could be any time.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	_ = p.cmd.Wait() // how it ended is in its log
	close(p.exited)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// signal returns os.ErrProcessDone once the process has ended.
func (p *process) signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// kill blocks until the process is reaped.
func (p *process) kill() {
	_ = p.signal(syscall.SIGKILL) // fails only when it has ended already
	<-p.exited
}

// stop lets the process end by itself, paused or not, and blocks until it is reaped.
func (p *process) stop() {
	_ = p.signal(syscall.SIGCONT)
	_ = p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stopTimeout):
		p.kill()
	}
}
