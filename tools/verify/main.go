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
	"time"

	"github.com/rejoin-dev/rejoin/internal/host"
)

const patience = 30 * time.Second // for each check

// target is the deployment to check.
type target struct {
	url  string // ws:// or wss://host:port
	cut  string // a command that cuts clients off; empty: cut the network
	demo bool   // whether it serves the demo
	ice  bool   // whether it serves ICE servers
}

// check is one thing that has to be true.
type check struct {
	name string
	run  func(context.Context) error
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var t target
	flags := flag.NewFlagSet("verify", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&t.url, "url", "ws://localhost:4000", "the balancer's `URL`")
	flags.StringVar(&t.cut, "cut", "", "`command` that cuts clients off, in place of all other checks")
	flags.BoolVar(&t.demo, "demo", true, "the demo has to be there")
	flags.BoolVar(&t.ice, "ice", true, "ICE servers have to be told")
	if err := flags.Parse(args); err != nil {
		return err
	}
	base, err := host.WebSocketURL(t.url)
	if err != nil {
		return fmt.Errorf("-url %q: %w", t.url, err)
	}
	if t.url = base; flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; see -h", flags.Arg(0))
	}
	var failed error
	for _, c := range t.checks() {
		began := time.Now()
		if err := limited(ctx, c); err != nil {
			fmt.Fprintf(out, "FAIL  %s: %v\n", c.name, err)
			failed = errors.New("not as it should be")
			continue
		}
		fmt.Fprintf(out, "ok    %s (%.1f s)\n", c.name, time.Since(began).Seconds())
	}
	return failed
}

func limited(ctx context.Context, c check) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return c.run(ctx)
}

func (t target) checks() []check {
	if t.cut != "" {
		cut := story{target: t, fault: command}
		return []check{{"the story, rejoin.v1, cut by: " + t.cut, cut.tell}}
	}
	var list []check
	for _, plain := range []bool{true, false} {
		for _, f := range []fault{silence, reset} {
			s := story{target: t, fault: f, plain: plain}
			list = append(list, check{"the two-second story, " + s.dialect() + ", " + f.name, s.tell})
		}
	}
	list = append(list, check{"what is private is not public", t.private}, check{"the balancer answers for its clients", t.health})
	if t.demo {
		list = append(list, check{"the demo", t.demoPage})
	}
	if t.ice {
		list = append(list, check{"ICE servers", t.iceServers})
	}
	return list
}
