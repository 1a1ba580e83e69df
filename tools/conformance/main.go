package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/rejoin-dev/rejoin/internal/host"
	"github.com/rejoin-dev/rejoin/tools/conformance/suite"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	target, verbose, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	counts := map[suite.Outcome]int{}
	began := time.Now()
	good := suite.Run(ctx, target, func(r suite.Result) {
		counts[r.Outcome]++
		printResult(stdout, r, verbose)
	})
	fmt.Fprintf(stdout, "\n%d passed, %d failed, %d skipped in %.1fs\n",
		counts[suite.Pass], counts[suite.Fail], counts[suite.Skip], time.Since(began).Seconds())
	if !good {
		return 1
	}
	return 0
}

func parse(args []string, stderr io.Writer) (suite.Target, bool, error) {
	var target suite.Target
	var only, secret, adminToken string
	var verbose bool
	flags := flag.NewFlagSet("conformance", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&target.A, "a", "", "`URL` of an instance, ws://host:port or wss://host")
	flags.StringVar(&target.B, "b", "", "`URL` of another instance (default: the same)")
	flags.DurationVar(&target.Grace, "grace", 0, "the service's grace window (default: what its session frames say)")
	flags.StringVar(&secret, "secret", "", "`file` of the service's AUTH_SECRET_FILE: all clients show a token, and rules A are checked")
	flags.StringVar(&target.Admin, "admin", "", "`URL` of an instance's private port, http://host:port, for the operator's calls")
	flags.StringVar(&adminToken, "admin-token", "", "`file` of the service's ADMIN_TOKEN_FILE")
	flags.StringVar(&only, "run", "", "run only the checks whose name matches this `regexp`")
	flags.IntVar(&target.Parallel, "parallel", 0, "how many checks run at once (default 8)")
	flags.DurationVar(&target.Patience, "patience", 0, "how long to wait for what must happen (default 10s)")
	flags.BoolVar(&verbose, "v", false, "print how long each check took")
	if err := flags.Parse(args); err != nil {
		return target, false, err
	}
	if target.A == "" || flags.NArg() > 0 {
		return target, false, errors.New("want -a URL, and no other arguments than flags; see -h")
	}
	err := errors.Join(checkURL("-a", &target.A), checkURL("-b", &target.B))
	if target.Grace < 0 || target.Parallel < 0 || target.Patience < 0 {
		err = errors.Join(err, errors.New("-grace, -parallel and -patience: want 0 or more"))
	}
	if (target.Admin == "") != (adminToken == "") {
		err = errors.Join(err, errors.New("-admin and -admin-token: want both or none"))
	} else if u, bad := url.Parse(target.Admin); target.Admin != "" && (bad != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		err = errors.Join(err, fmt.Errorf("-admin %q: want http://host:port", target.Admin))
	}
	key, badSecret := firstLine("-secret", secret)
	operator, badToken := firstLine("-admin-token", adminToken)
	target.Secret, target.AdminToken, err = key, string(operator), errors.Join(err, badSecret, badToken)
	if only != "" {
		var bad error
		if target.Only, bad = regexp.Compile(only); bad != nil {
			err = errors.Join(err, fmt.Errorf("-run: %w", bad))
		}
	}
	return target, verbose, err
}

// firstLine reads the newest secret of a flag's file, nil if there is none.
func firstLine(flag, path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	line, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte{'\n'})
	return bytes.TrimSpace(line), nil
}

// checkURL looks at the URL of a flag, which may be empty.
func checkURL(flag string, value *string) (err error) {
	if *value == "" {
		return nil
	}
	text := *value
	if *value, err = host.WebSocketURL(text); err != nil {
		return fmt.Errorf("%s %q: %w", flag, text, err)
	}
	return nil
}

func printResult(w io.Writer, r suite.Result, verbose bool) {
	fmt.Fprintf(w, "%s  %-86s %s", r.Outcome, r.Name, strings.Join(r.Rules, " "))
	if verbose {
		fmt.Fprintf(w, "  (%.2fs)", r.Took.Seconds())
	}
	fmt.Fprintln(w)
	if r.Detail != "" {
		fmt.Fprintf(w, "      %s\n", strings.ReplaceAll(r.Detail, "\n", "\n      "))
	}
}
