//go:debug randseednop=0
package sim_test

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
)

var (
	seeds    = flag.Int("seeds", 20, "how many seeds")
	first    = flag.Uint64("first", 1, "the first seed")
	faults   = flag.String("faults", "", "kinds of faults, with commas between; none for none")
	verbose  = flag.Bool("log", false, "print what instances log")
	shrinks  = flag.Int("shrink", 0, "how many of the failing seeds are shrunk")
	findings = flag.Int("most", 0, "end after so many failing seeds")
	laws     = flag.String("laws", "", "count these laws only")
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
	failed := 0
	n := 0
	for i := range *seeds {
		seed := *first + uint64(i)
		p := newPlan(seed, onlyKinds())
		var out io.Writer
		if *verbose {
			out = os.Stdout
		}
		r := live(t, p, out)
		n++
		simulated += r.simulated
		if *verbose {
			for _, e := range r.events {
				t.Logf("%.6f %s %s %d peer %.8s msg %s self %.8s %v", e.At.Seconds(), e.Kind, e.Member, e.Conn, e.Peer, e.Message, e.Self, e.Resumed)
			}
		}
		t.Logf("seed %d hash %.8s events %d sent %d confirmed %d delivered %d simulated %.0f", seed, r.hash, len(r.events), r.verdict.Sent, r.verdict.Confirmed, r.verdict.Delivered, r.simulated.Seconds())
		if *laws != "" {
			r.broken = slices.DeleteFunc(r.broken, func(v history.Violation) bool { return !strings.Contains(*laws, string(v.Law)) })
		}
		if len(r.broken) == 0 {
			continue
		}
		failed++
		text := ""
		for _, v := range r.broken[:min(len(r.broken), 6)] {
			text += fmt.Sprintf("\n    %s", v)
		}
		fmt.Printf("FAILED seed %d, %d broken:%s\n", seed, len(r.broken), text)
		if failed <= *shrinks {
			law := r.broken[0].Law
			small := shrink(t, p, law, time.Now().Add(2*time.Minute))
			again := live(t, small, nil)
			fmt.Printf("  shrunk: %s    %v\n", small, again.broken[:min(len(again.broken), 4)])
		}
		t.Fail()
		if failed == *findings {
			break
		}
	}
	fmt.Printf("%d of %d seeds failed, %.1f simulated hours in %s\n", failed, n, simulated.Hours(), time.Since(began))
}
