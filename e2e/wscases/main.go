package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"github.com/rejoin-dev/rejoin/e2e/wscases/suite"
)

// settings are what the flags say.
type settings struct {
	target  suite.Target
	out     string
	verbose bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	good, err := measure(ctx, args, stdout, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "wscases:", err)
		return 2
	case !good:
		return 1
	}
	return 0
}

// measure runs the cases, prints what failed and writes the table.
func measure(ctx context.Context, args []string, stdout, stderr io.Writer) (good bool, err error) {
	s, err := parse(args, stderr)
	if err != nil {
		return false, err
	}
	if s.target.URL == "" {
		server, err := startServer(ctx)
		if err != nil {
			return false, err
		}
		defer server.stop()
		s.target.URL, s.target.Rate = server.url, 0
	}
	results := suite.Run(ctx, s.target)
	good = true
	for _, r := range results {
		good = good && r.Outcome != suite.Fail
		if s.verbose || r.Outcome == suite.Fail {
			fmt.Fprintf(stdout, "%-10s  %-8s %s → %s\n", r.Outcome, r.ID, r.Sent, r.Expected)
		}
		if r.Detail != "" {
			fmt.Fprintf(stdout, "            %s\n", r.Detail)
		}
	}
	fmt.Fprintln(stdout, suite.Summary(results))
	if s.out != "" {
		err = writeTable(s.out, results)
	}
	return good, err
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	var only string
	flags := flag.NewFlagSet("wscases", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.target.URL, "a", "", "`URL` of an instance, ws://host:port or wss://host (default: one that is built and started)")
	flags.IntVar(&s.target.Rate, "rate", 100, "data `frames` a second that the instance takes from a connection; cases with more are skipped; 0: any")
	flags.StringVar(&only, "run", "", "run only the cases whose number matches this `regexp`")
	flags.IntVar(&s.target.Parallel, "parallel", 0, "how many cases run at once (default 4)")
	flags.Uint64Var(&s.target.Seed, "seed", 0, "of the random pieces (default: another one each time)")
	flags.StringVar(&s.out, "out", "", "write the table of results to this `file`")
	flags.BoolVar(&s.verbose, "v", false, "print a line for every case")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 || s.out != "" && only != "" {
		return s, errors.New("want no other arguments than flags, and not -out of some cases only; see -h")
	}
	var err error
	if only != "" {
		s.target.Only, err = regexp.Compile(only)
	}
	return s, err
}

func writeTable(path string, results []suite.Result) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create table: %w", err)
	}
	return errors.Join(suite.WriteTable(file, results), file.Close())
}
