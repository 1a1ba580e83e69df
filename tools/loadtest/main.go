package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
)

const usage = `usage: loadtest idle|relay|resume|load|storm|jitter|hostile|peerjs|start [flags]   (-h: the flags)
       loadtest report DIR
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	good, err := dispatch(ctx, args, stdin, stdout, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "loadtest:", err)
		return 2
	case !good:
		return 1
	}
	return 0
}

func dispatch(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (good bool, err error) {
	if len(args) == 0 || args[0] == "-h" || args[0] == "--help" {
		fmt.Fprint(stderr, usage)
		return false, flag.ErrHelp
	}
	switch name, rest := args[0], args[1:]; name {
	case "worker": // what scenarios start to hold connections
		return true, worker(stdin, stdout)
	case "report":
		if len(rest) != 1 {
			return false, errors.New("want report DIR")
		}
		return true, report.Render(rest[0])
	default:
		return measure(ctx, name, rest, stdout, stderr)
	}
}

// measure runs a scenario and prints what it found.
func measure(ctx context.Context, name string, args []string, stdout, stderr io.Writer) (good bool, err error) {
	file, path, err := runScenario(ctx, name, args, stderr)
	if err != nil {
		return false, err
	}
	if err := file.Print(stdout); err != nil {
		return false, fmt.Errorf("print results: %w", err)
	}
	if path != "" {
		if err := file.Write(path); err != nil {
			return false, err
		}
	}
	return file.OK(), nil
}
