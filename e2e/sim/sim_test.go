//go:debug randseednop=0

package sim_test

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
)

var (
	seedCount = flag.Int("seeds", 1000, "how many seeds")
	firstSeed = flag.Uint64("first", 1, "the first seed")
	oneSeed   = flag.Uint64("seed", 0, "live through this seed only, and print what broke")
	kinds     = flag.String("faults", "", "kinds of faults, with commas between; none: no faults")
	lawNames  = flag.String("laws", "", "laws, with commas between: others do not count")
	itemList  = flag.String("items", "", "with -seed: keep only the items of its plan with these numbers, commas between; none for none")
	showLog   = flag.Bool("log", false, "with -seed: print what happens, and what instances log")
	enough    = flag.Int("enough", 10, "end after so many failing seeds")
	workers   = flag.Int("workers", runtime.NumCPU(), "how many processes")
	isWorker  = flag.Bool("worker", false, "this is one of them")
	shrinkFor = flag.Duration("shrink", time.Minute, "how long to look for the shortest plan of each of the first three failing seeds")
)

// onlyKinds are the kinds of faults that were asked for, nil for all.
func onlyKinds() []kind {
	switch *kinds {
	case "":
		return nil
	case "none":
		return []kind{}
	}
	list := []kind{}
	for k := range strings.SplitSeq(*kinds, ",") {
		list = append(list, kind(k))
	}
	return list
}

// counting leaves the violations that count.
func counting(list []history.Violation) []history.Violation {
	if *lawNames == "" {
		return list
	}
	names := strings.Split(*lawNames, ",")
	return slices.DeleteFunc(list, func(v history.Violation) bool { return !slices.Contains(names, string(v.Law)) })
}

// TestSeeds lives through seeds, in several processes that have the patched runtime and are built without the race detector: it would make a tenth
// of them.
// What fails is shrunk and printed; -seed repeats it.
func TestSeeds(t *testing.T) {
	switch {
	case elsewhere(t):
	case *isWorker:
		work(t)
	case *oneSeed != 0:
		replay(t)
	default:
		newFleet(t).run()
	}
}

// replay lives through one seed and tells all about it.
func replay(t *testing.T) {
	p := newPlan(*oneSeed, onlyKinds())
	if *itemList != "" {
		numbers := strings.Split(*itemList, ",")
		p.items = slices.DeleteFunc(p.items, func(i item) bool { return !slices.Contains(numbers, strconv.Itoa(i.number)) })
	}
	r := live(t, p, logWriter())
	t.Logf("%s%d events, history %s", p, len(r.events), r.hash)
	broken := counting(r.broken)
	if len(broken) == 0 {
		return
	}
	t.Errorf("broken:\n%s", sentences(broken))
	small := shrink(t, p, broken[0].Law, time.Now().Add(*shrinkFor))
	t.Logf("the shortest plan found:\n%s%s", small, sentences(counting(live(t, small, nil).broken)))
}

func logWriter() io.Writer {
	if *showLog {
		return os.Stdout
	}
	return nil
}

func sentences(list []history.Violation) string {
	var b strings.Builder
	for i, v := range list {
		if i == 8 {
			fmt.Fprintf(&b, "    … and %d more\n", len(list)-i)
			break
		}
		fmt.Fprintf(&b, "    %s\n", v)
	}
	return b.String()
}

// TestRaces lives through a few seeds in this very process, so that the race detector sees them when there is one.
func TestRaces(t *testing.T) {
	if *isWorker || *oneSeed != 0 {
		t.Skip("for the whole run only")
	}
	for seed := *firstSeed; seed < *firstSeed+5; seed++ {
		if r := live(t, newPlan(seed, nil), nil); len(r.events) == 0 {
			t.Errorf("seed %d: nothing happened", seed)
		}
	}
}

// TestRepeats: a seed that is lived through again, in another process and behind other seeds, gives the same history.
func TestRepeats(t *testing.T) {
	if *isWorker || *oneSeed != 0 {
		t.Skip("for the whole run only")
	}
	const count = 40
	f := newFleet(t)
	var lives [2]map[uint64]string
	for i := range lives {
		f.chunk = []int{count / 2, 7}[i]
		lives[i] = map[uint64]string{}
		for r := range f.results(*firstSeed, count) {
			lives[i][r.Seed] = r.Hash
		}
	}
	if len(lives[0]) != count {
		t.Errorf("%d of %d seeds gave a history", len(lives[0]), count)
	}
	for seed, hash := range lives[0] {
		if lives[1][seed] != hash {
			t.Errorf("seed %d: %s, then %s", seed, hash, lives[1][seed])
		}
	}
}

// TestFinds plants a fault, that the end of a session never reaches Redis, and has it found, shrunk and repeated.
func TestFinds(t *testing.T) {
	if *isWorker || *oneSeed != 0 {
		t.Skip("for the whole run only")
	}
	if elsewhere(t) {
		return
	}
	ghost := func(list []history.Violation) bool {
		return slices.ContainsFunc(list, func(v history.Violation) bool { return v.Law == history.End })
	}
	for seed := uint64(1); seed <= 60; seed++ {
		p := newPlan(seed, []kind{refuse, deny})
		p.forgetful = true
		if !ghost(live(t, p, nil).broken) {
			continue
		}
		small := shrink(t, p, history.End, time.Now().Add(*shrinkFor))
		if len(small.items) > 6 || !ghost(live(t, small, nil).broken) {
			t.Errorf("seed %d was shrunk to\n%s", seed, small)
		}
		return
	}
	t.Error("not found")
}

func TestMain(m *testing.M) {
	flag.Parse()
	runtime.GOMAXPROCS(1)  // the fewer run at once the less is left to chance
	debug.SetGCPercent(-1) // live collects
	debug.SetMemoryLimit(1 << 30)
	runtime.MemProfileRate = 0
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(scratch())
		os.Exit(code)
	}))
}
