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
	// defaultLimit holds until EndWithin is called.
	defaultLimit = 8 * time.Second
	// flushPatience is how long the end waits for a reader of the log: after an error, whose text should be seen, after a signal, and
	// when the end should be at once.
	flushPatience, endPatience, hastePatience = time.Second, 250 * time.Millisecond, 50 * time.Millisecond
)

// Process is what a function knows of its process.
type Process struct {
	Args, Environ []string
	// Out is stdout. Nothing else writes there.
	Out *logs.Pipe

	limit  atomic.Int64 // nanoseconds from the signal to the end
	global bool         // this is the real one
}

// New returns a Process whose stdout is out, for tests too. Out has to be closed.
func New(args, environ []string, out io.Writer) *Process {
	p := &Process{Args: args, Environ: environ, Out: logs.NewPipe(out)}
	p.limit.Store(int64(defaultLimit))
	return p
}

// EndWithin says how long the process may take from the signal to its end. When nearly all of that is over, it is ended.
func (p *Process) EndWithin(d time.Duration) { p.limit.Store(int64(d)) }

// Logger returns the logger into Out; format is text or json. What libraries print by package log goes the same way.
func (p *Process) Logger(format string, level slog.Level) *slog.Logger {
	l := p.Out.Logger(format, level)
	if p.global {
		slog.SetDefault(l) // and package log with it
	}
	return l
}

// Main runs a function and ends the process. The context of run ends with the first signal; the function then has what it gave to
// EndWithin. flag.ErrHelp is no error.
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

// supervise returns the exit status, and how long the log may be waited for.
func (p *Process) supervise(run func(context.Context, *Process) error, signals <-chan os.Signal, stderr io.Writer) (status int, patience time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, p) }()
	var deadline <-chan time.Time // nil until a signal came
	for {
		select {
		case err := <-ended:
			return report(err, deadline != nil, stderr)
		case s := <-signals:
			if deadline == nil {
				cancel()
				limit := time.Duration(p.limit.Load())
				deadline = time.After(limit - min(limit/32, hastePatience))
			} else if s != syscall.SIGHUP { // which a closed terminal sends several times, and systemd behind SIGTERM
				return 128 + int(s.(syscall.Signal)), hastePatience //nolint:forcetypeassert // os.Signal is that everywhere
			}
		case <-deadline:
			fmt.Fprintln(stderr, "not ended in time: ending now")
			return 1, hastePatience
		}
	}
}

// report prints the error of a run. After a signal an end is what was asked for, whatever else went wrong on the way.
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
