// Signal is Rejoin's signaling server: WebSockets in front, Redis behind. Run it with -h for its settings.
//
//	flags ─► settings ─► backbone ─► hub ─► edge (PORT) ─► private HTTP (HTTP_PORT) ─► "listening"
//	                                                                                       │ SIGTERM, SIGINT
//	       backbone ◄─ private HTTP ◄─ edge ◄─ hub: drain ◄─ edge: refuse ◄─────────────────┘
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

	"github.com/caarlos0/env/v11"

	"github.com/rejoin-dev/rejoin/functions/internal/health"
	"github.com/rejoin-dev/rejoin/functions/internal/settings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := run(ctx, os.Args[1:], os.Environ(), os.Stdout)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then drains; with -health it asks the one that runs whether it works, and returns
// why not. It returns flag.ErrHelp when help was asked for.
func run(ctx context.Context, args, environ []string, stdout io.Writer) error {
	ask, err := settings.ParseFlags("signal", args, stdout, printUsage)
	if err != nil {
		return err
	}
	cfg, err := loadConfig(environ)
	if err != nil {
		return err
	}
	if ask {
		return health.Check(ctx, cfg.Host, cfg.HTTPPort) //nolint:wrapcheck // says what it did
	}
	vars := env.ToMap(environ)
	tuneCollector(vars)
	limitMemory(os.DirFS("/"), vars)
	limitProcessors(os.DirFS("/"), vars)
	s, err := newService(cfg, stdout)
	if err != nil {
		return err
	}
	return s.run(ctx)
}
