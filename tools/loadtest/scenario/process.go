//go:build linux

package scenario

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// process is a worker process: what it is told, and what it tells, are lines of JSON.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	orders *json.Encoder
	ended  chan struct{} // closed when it tells nothing any more
}

// startProcess starts a worker and assigns it its job. take takes one line that it told, in a goroutine that ends with the process.
func startProcess(command []string, job assignment, take func(*json.Decoder) error) (*process, error) {
	p := &process{cmd: exec.Command(command[0], command[1:]...), ended: make(chan struct{})}
	p.cmd.Stderr = os.Stderr
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	p.stdin, p.orders = stdin, json.NewEncoder(stdin)
	go func() {
		defer close(p.ended)
		for lines := json.NewDecoder(stdout); take(lines) == nil; {
		}
	}()
	if err := p.orders.Encode(job); err != nil {
		return nil, errors.Join(fmt.Errorf("assign a worker its job: %w", err), p.dismiss())
	}
	return p, nil
}

// dismiss asks it to end, and with it its connections, and waits until it has.
func (p *process) dismiss() error {
	_ = p.stdin.Close()
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	return nil
}
