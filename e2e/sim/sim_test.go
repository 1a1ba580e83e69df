//go:debug randseednop=0
package sim_test

import (
	"flag"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

var (
	seeds   = flag.Int("seeds", 20, "how many seeds")
	first   = flag.Uint64("first", 1, "the first seed")
	faults  = flag.String("faults", "", "kinds of faults, with commas between; none for none")
	verbose = flag.Bool("log", false, "print what instances log")
)

func onlyKinds() []kind {
	switch *faults {
	case "":
		return nil
	case "none":
		return []kind{}
	}
	var kinds []kind
	for _, k := range strings.Split(*faults, ",") {
		kinds = append(kinds, kind(k))
	}
	return kinds
}

func TestSeeds(t *testing.T) {
	began := time.Now()
	var simulated time.Duration
	for i := range *seeds {
		seed := *first + uint64(i)
		p := newPlan(seed, onlyKinds())
		var out io.Writer
		if *verbose {
			out = os.Stdout
		}
		r := live(t, p, out)
		simulated += r.simulated
		t.Logf("seed %d hash %.8s events %d sent %d confirmed %d delivered %d simulated %.0f", seed, r.hash, len(r.events), r.verdict.Sent, r.verdict.Confirmed, r.verdict.Delivered, r.simulated.Seconds())
		if len(r.broken) > 0 {
			t.Errorf("%s%v", p, r.broken)
			if *verbose {
				for _, e := range r.events {
					t.Logf("%.6f %s %s %d peer %.8s msg %s self %.8s %v", e.At.Seconds(), e.Kind, e.Member, e.Conn, e.Peer, e.Message, e.Self, e.Resumed)
				}
			}
		}
	}
	t.Logf("%d seeds, %.1f simulated hours in %s", *seeds, simulated.Hours(), time.Since(began))
}
