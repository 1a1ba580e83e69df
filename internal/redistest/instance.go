package redistest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

const (
	// startTimeout bounds everything that is done to get one server or one cluster going. It
	// takes milliseconds (a cluster 2 s); the rest is for a machine that is busy.
	startTimeout = 30 * time.Second
	// pollInterval is the time between two looks at a server that is starting.
	pollInterval = 5 * time.Millisecond
	// askTimeout bounds one such look: what took our port may never answer.
	askTimeout = time.Second
	// startTries is how many ports are tried before a failure is believed.
	startTries = 5
)

// instance is a redis-server with its port and its directory, running or not. It is not safe
// for concurrent use.
type instance struct {
	// static
	binary string
	config string   // file to start with: a Sentinel needs one; empty: none
	extra  []string // command line, behind what every instance gets
	dir    string   // working directory: log, nodes.conf
	port   int

	process *process // nil while stopped
}

// newInstance starts a server on a free port and blocks until it answers.
func newInstance(ctx context.Context, binary string, extra ...string) (*instance, error) {
	dir, err := os.MkdirTemp("", "redistest-")
	if err != nil {
		return nil, err
	}
	return (&instance{binary: binary, extra: extra, dir: dir}).startAnywhere(ctx)
}

// startAnywhere starts the instance on a free port, or removes it.
func (in *instance) startAnywhere(ctx context.Context) (_ *instance, err error) {
	for range startTries {
		if in.port, err = freePort(); err != nil {
			break
		}
		if err = in.start(ctx); err == nil {
			return in, nil
		}
	}
	in.remove()
	return nil, err
}

func (in *instance) address() string { return address(in.port) }

// start blocks until the server answers, has exited, or ctx has ended; only in the first case
// it runs when start returns. more is for this time only.
func (in *instance) start(ctx context.Context, more ...string) error {
	args := []string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(in.port), "--dir", in.dir,
		"--logfile", filepath.Join(in.dir, "log"), "--daemonize", "no",
		"--save", "", "--appendonly", "no", "--stream-node-max-bytes", "1024",
	}
	if in.config != "" {
		args = []string{in.config, "--sentinel", "--bind", "127.0.0.1", "--port", strconv.Itoa(in.port), "--logfile", filepath.Join(in.dir, "log")}
	}
	process, err := startProcess(in.binary, slices.Concat(args, in.extra, more))
	if err != nil {
		return fmt.Errorf("start %s: %w", in.binary, err)
	}
	if err := in.waitReady(ctx, process); err != nil {
		process.kill()
		return fmt.Errorf("start %s on port %d: %w; its log ends with:\n%s", in.binary, in.port, err, in.logTail())
	}
	in.process = process
	return nil
}

// waitReady blocks until the server at our port says that it is process. It asks for more than a
// PONG because another one may have taken the port: ours then exits, but not at once.
func (in *instance) waitReady(ctx context.Context, process *process) error {
	return poll(ctx, func(ctx context.Context) (bool, error) {
		select {
		case <-process.exited:
			return false, fmt.Errorf("exited: %v", process.cmd.ProcessState)
		default:
		}
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		info, err := command(ctx, in.address(), "INFO server")
		return err == nil && field(info, "process_id") == strconv.Itoa(process.pid()), nil
	})
}

// stop ends a running or paused server in an orderly way; without one it does nothing.
func (in *instance) stop() {
	if in.process != nil {
		in.process.stop()
		in.process = nil
	}
}

// kill ends a running or paused server with SIGKILL; without one it does nothing.
func (in *instance) kill() {
	if in.process != nil {
		in.process.kill()
		in.process = nil
	}
}

// remove ends the server for good, with all it has on disk.
func (in *instance) remove() {
	in.kill()
	_ = os.RemoveAll(in.dir) // what stays behind is a small log in the system's temporary directory
}

// logTail returns the end of the server's log, at most 1 KiB, for an error message.
func (in *instance) logTail() string {
	log, err := os.ReadFile(filepath.Join(in.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-1024):])
}

// poll calls done until it reports true or an error, or until ctx has ended.
func poll(ctx context.Context, done func(context.Context) (bool, error)) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		if ok, err := done(ctx); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
