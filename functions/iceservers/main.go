// Iceservers answers GET /ice-servers with the STUN and TURN servers to use and credentials that end by themselves, for
// clients that cannot get them on the WebSocket: those of the plain dialect. Run it with -h for its settings.
//
//	flags ─► settings ─► issuer ─► HTTP (PORT) ─► "listening"
//	                                                   │ SIGTERM, SIGINT
//	                               HTTP: shut down ◄───┘
//
// It keeps nothing and knows no Redis: run as many as there is need for, or none.
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

// run serves until ctx ends; with -health it asks the one that runs whether it works, and returns
// why not. It returns flag.ErrHelp when help was asked for.
func run(ctx context.Context, args, environ []string, stdout io.Writer) error {
	ask, err := settings.ParseFlags("iceservers", args, stdout, printUsage)
	if err != nil {
		return err
	}
	cfg, err := loadConfig(environ)
	if err != nil {
		return err
	}
	if ask {
		return health.Check(ctx, cfg.Host, cfg.Port) //nolint:wrapcheck // says what it did
	}
	s, err := newService(cfg, stdout)
	if err != nil {
		return err
	}
	return s.run(ctx)
}
