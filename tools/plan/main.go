package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/rejoin-dev/rejoin/tools/plan/simulation"
	"github.com/rejoin-dev/rejoin/tools/plan/sizing"
)

func main() {
	switch err := run(os.Args[1:], os.Stdout, os.Stderr); {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errBroken):
		fmt.Fprintln(os.Stderr, "plan:", err)
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "plan:", err)
		os.Exit(2)
	}
}

var errBroken = errors.New("the planned deployment breaks a bound in the simulation")

// config is the command line.
type config struct {
	clients          clients
	platform         string
	measured, prices string
	seed             uint64
	simulate         bool
	assume           sizing.Assumptions
}

// clients is a flag: a number like 70000 or 1e6.
type clients float64

func (c *clients) String() string { return strconv.FormatFloat(float64(*c), 'g', -1, 64) }

func (c *clients) Set(s string) error {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n < 1 || n > 1e10 {
		return errors.New("want clients, 1 to 1e10")
	}
	*c = clients(n)
	return nil
}

func parse(args []string, stderr io.Writer) (config, error) {
	c := config{clients: 1e6, assume: sizing.Defaults()}
	f := flag.NewFlagSet("plan", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Var(&c.clients, "clients", "connected at once (default 1e+06)")
	f.StringVar(&c.platform, "platform", "", "only this one of google-cloud-run, azure-container-apps, kubernetes, aws-ecs")
	f.StringVar(&c.measured, "measured", "docs/performance", "directory of the load test's results")
	f.StringVar(&c.prices, "price-list", "terraform/modules/cost/prices.json", "prices")
	f.Uint64Var(&c.seed, "seed", 1, "of the simulation")
	f.BoolVar(&c.simulate, "simulate", true, "run the plan through peace, a deploy, a crash and a storm")
	c.assume.Flags(f)
	if err := f.Parse(args); err != nil {
		return c, err
	}
	if f.NArg() > 0 {
		return c, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return c, c.assume.Check()
}

// planner reads what is measured and priced.
func (c *config) planner() (p sizing.Planner, err error) {
	p.Assume = c.assume
	if p.Units, err = sizing.LoadUnits(c.measured); err != nil {
		return p, err
	}
	p.Prices, err = sizing.LoadPrices(c.prices)
	return p, err
}

// run writes a plan; it returns errBroken when the simulation says that it does not hold.
func run(args []string, stdout, stderr io.Writer) error {
	c, err := parse(args, stderr)
	if err != nil {
		return err
	}
	p, err := c.planner()
	if err != nil {
		return err
	}
	plans, err := c.plans(&p, float64(c.clients))
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s clients\n\n%s\nWhat breaks first, in clients of one cell\n\n%s", commas(float64(c.clients)), planTable(plans), limitTable(&p, plans))
	holds := true
	if c.simulate {
		var rows []simulated
		for i := range plans {
			s := simulate(&p, &plans[i], c.seed)
			holds = holds && len(s.verdict.Broken) == 0
			rows = append(rows, s)
		}
		fmt.Fprintf(&b, "\nSimulated, one shard's share\n\n%s", simulationTable(rows, func(s *simulated) string { return s.plan.Platform.Name }))
	}
	if _, err := io.WriteString(stdout, b.String()); err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	if !holds {
		return errBroken
	}
	return nil
}

// plans are those of the platforms that were asked for.
func (c *config) plans(p *sizing.Planner, n float64) (list []sizing.Plan, err error) {
	platforms := sizing.Platforms(&p.Prices)
	for i := range platforms {
		if c.platform == "" || c.platform == platforms[i].Name {
			list = append(list, p.Plan(&platforms[i], n))
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no platform %q", c.platform)
	}
	return list, nil
}

// simulated is a plan with what the simulation says of it.
type simulated struct {
	plan    *sizing.Plan
	verdict simulation.Verdict
	times   float64 // as many clients, at which something breaks; 0: nothing does
	broken  []string
}

func simulate(p *sizing.Planner, plan *sizing.Plan, seed uint64) simulated {
	s := simulated{plan: plan, verdict: simulation.Verify(p, plan, 1, seed)}
	s.findBreak(p, seed)
	return s
}

func (s *simulated) findBreak(p *sizing.Planner, seed uint64) {
	s.times, s.broken = simulation.Break(p, s.plan, seed)
}
