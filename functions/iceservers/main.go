// Iceservers answers GET /ice-servers with the STUN and TURN servers to use, and credentials that expire. It is for
// clients that cannot get them on the WebSocket, which are those of the plain dialect. Run it with -h for its settings.
//
//	flags ─► settings ─► issuer ─► HTTP (PORT) ─► "listening"
//	                                                   │ SIGTERM, SIGINT, SIGHUP
//	                               HTTP: shut down ◄───┘
//
// It keeps no state and needs no Redis: run as many as you need, or none.
package main

import (
	"context"

	"github.com/rejoin-dev/rejoin/functions/internal/health"
	"github.com/rejoin-dev/rejoin/functions/internal/process"
	"github.com/rejoin-dev/rejoin/functions/internal/settings"
)

func main() { process.Main(run) }

// run serves until ctx ends. With -profile it prints a wallet's profile; with -health it checks the running instance and
// returns what is wrong with it. It returns flag.ErrHelp when help was asked for.
func run(ctx context.Context, p *process.Process) error {
	if wantsProfile(p.Args) {
		return printProfile(p)
	}
	ask, err := settings.ParseFlags("iceservers", p.Args, p.Out, printUsage)
	if err != nil {
		return err
	}
	cfg, err := loadConfig(p.Environ)
	if err != nil {
		return err
	}
	if ask {
		return health.Check(ctx, cfg.Host, cfg.Port)
	}
	p.EndWithin(cfg.DrainTimeout)
	s, err := newService(cfg, p)
	if err != nil {
		return err
	}
	return s.run(ctx)
}
