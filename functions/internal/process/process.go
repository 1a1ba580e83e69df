package process

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rejoin-dev/rejoin/functions/internal/logs"
)

const (
	// defaultLimit applies until EndWithin is called.
	defaultLimit = 8 * time.Second
	// How long the exit waits for the reader of the log: after an error, whose text should be seen; after a signal; and when the
	// process should exit at once.
	flushPatience, endPatience, hastePatience = time.Second, 250 * time.Millisecond, 50 * time.Millisecond
)

// Process is a function's view of its process.
type Process struct {
	Args, Environ []string
	// Out is stdout. Nothing else writes there.
	Out *logs.Pipe

	limit  atomic.Int64 // nanoseconds from the signal to the end
	global bool         // the real process rather than one in a test
}

// New returns a Process whose stdout is out; tests use it too. Close Out when done.
func New(args, environ []string, out io.Writer) *Process {
	p := &Process{Args: args, Environ: environ, Out: logs.NewPipe(out)}
	p.limit.Store(int64(defaultLimit))
	return p
}

// EndWithin sets how long the process may take from the signal to its exit. Shortly before that time is over, the process is ended.
func (p *Process) EndWithin(d time.Duration) { p.limit.Store(int64(d)) }

// Logger returns a logger that writes to Out; format is text or json. Lines that libraries print with package log go there too.
func (p *Process) Logger(format string, level slog.Level) *slog.Logger {
	l := p.Out.Logger(format, level)
	if p.global {
		slog.SetDefault(l) // also redirects package log
	}
	return l
}

// Main runs a function and exits. The context of run ends with the first signal; from then on the function has the time it gave to
// EndWithin. flag.ErrHelp is not an error.
func Main(run func(context.Context, *Process) error) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	signal.Ignore(syscall.SIGPIPE)
	unblockStderr()
	p := New(os.Args[1:], os.Environ(), os.Stdout)
	p.global = true
	stderr := logs.NewPipe(os.Stderr)
	log.SetOutput(stderr) // until there is a logger
	status, patience := p.supervise(run, signals, stderr)
	flush(patience, p.Out, stderr)
	os.Exit(status)
}

// supervise returns the exit status, and how long to wait for the log.
func (p *Process) supervise(run func(context.Context, *Process) error, signals <-chan os.Signal, stderr io.Writer) (status int, patience time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, p) }()
	var deadline <-chan time.Time // nil until the first signal
	for {
		select {
		case err := <-ended:
			return report(err, deadline != nil, stderr)
		case s := <-signals:
			if deadline == nil {
				cancel()
				limit := time.Duration(p.limit.Load())
				deadline = time.After(limit - min(limit/32, hastePatience))
			} else if s != syscall.SIGHUP { // a closing terminal sends it several times, and systemd sends it after SIGTERM
				return 128 + int(s.(syscall.Signal)), hastePatience
			}
		case <-deadline:
			fmt.Fprintln(stderr, "not ended in time: ending now")
			return 1, hastePatience
		}
	}
}

// report prints the error of a run. After a signal an exit is what was asked for, whatever else went wrong on the way.
func report(err error, asked bool, stderr io.Writer) (status int, patience time.Duration) {
	if asked {
		patience = endPatience
	} else {
		patience = flushPatience
	}
	if err == nil || errors.Is(err, flag.ErrHelp) || asked && errors.Is(err, context.Canceled) {
		return 0, patience
	}
	fmt.Fprintln(stderr, err)
	if asked {
		return 0, patience
	}
	return 1, patience
}

func flush(patience time.Duration, pipes ...*logs.Pipe) {
	var wg sync.WaitGroup
	for _, p := range pipes {
		wg.Go(func() { p.Close(patience) })
	}
	wg.Wait()
}
