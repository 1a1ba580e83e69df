// Signal is Rejoin's signaling server: WebSockets in front, Redis behind. Run it with -h for its settings.
//
//	flags ─► settings ─► backbone ─► hub ─► edge (PORT) ─► private HTTP (HTTP_PORT) ─► "listening"
//	                                                                                       │ SIGTERM, SIGINT, SIGHUP
//	       backbone ◄─ private HTTP ◄─ edge ◄─ hub: drain ◄─ edge: refuse ◄─────────────────┘
package main

import (
	"context"
	"os"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/caarlos0/env/v11"

	"github.com/rejoin-dev/rejoin/functions/internal/health"
	"github.com/rejoin-dev/rejoin/functions/internal/process"
	"github.com/rejoin-dev/rejoin/functions/internal/settings"
)

func main() { process.Main(run) }

// run serves until ctx ends, then drains. With -health it checks the running instance and returns what is wrong
// with it. It returns flag.ErrHelp when help was asked for.
func run(ctx context.Context, p *process.Process) error {
	ask, err := settings.ParseFlags("signal", p.Args, p.Out, printUsage)
	if err != nil {
		return err
	}
	cfg, err := loadConfig(p.Environ)
	if err != nil {
		return err
	}
	if ask {
		return health.Check(ctx, cfg.Host, cfg.HTTPPort)
	}
	p.EndWithin(cfg.DrainTimeout)
	vars := env.ToMap(p.Environ)
	tuneCollector(vars)
	limitMemory(memlimit.FromCgroup)
	fixed := limitProcessors(os.DirFS("/"), vars)
	s, err := newService(cfg, p)
	if err != nil {
		return err
	}
	if !fixed {
		following, stop := context.WithCancel(context.Background())
		defer stop()
		go followDemand(following)
	}
	return s.run(ctx)
}
