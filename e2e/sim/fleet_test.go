package sim_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
)

// fleet is the processes that share the seeds.
type fleet struct {
	t      *testing.T
	binary string
	chunk  int // how many seeds a process gets at once
}

// outcome is what a worker prints of a seed, a line of JSON behind mark.
type outcome struct {
	Seed      uint64              `json:"seed"`
	Hash      string              `json:"hash"`
	Simulated time.Duration       `json:"simulated"`
	Messages  int                 `json:"messages"`
	Broken    []history.Violation `json:"broken"`
}

const mark = "outcome "

// work is a worker: it lives through its seeds and prints the outcomes.
func work(t *testing.T) {
	out := bufio.NewWriter(os.Stdout)
	for i := range *seedCount {
		seed := *firstSeed + uint64(i)
		r := live(t, newPlan(seed, onlyKinds()), nil)
		text, err := json.Marshal(outcome{seed, r.hash, r.simulated, r.verdict.Sent, counting(r.broken)})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(out, "%s%s\n", mark, text)
		if err := out.Flush(); err != nil {
			return
		}
	}
}

// newFleet has this program with the patched runtime.
func newFleet(t *testing.T) *fleet {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return &fleet{t, binary, 50}
}

// elsewhere runs a test in the program with the patched runtime, and reports whether it did.
func elsewhere(t *testing.T) bool {
	t.Helper()
	if patched {
		return false
	}
	args := []string{"-test.run=^" + t.Name() + "$", "-test.v", "-test.timeout=0"}
	flag.Visit(func(f *flag.Flag) {
		if !strings.HasPrefix(f.Name, "test.") {
			args = append(args, "-"+f.Name+"="+f.Value.String())
		}
	})
	cmd := exec.CommandContext(t.Context(), newFleet(t).binary, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
	return true
}

// results lives through seeds and yields the outcomes as they come.
func (f *fleet) results(from uint64, count int) iter.Seq[outcome] {
	return func(yield func(outcome) bool) {
		next := make(chan [2]uint64)
		got := make(chan outcome)
		stop := make(chan struct{})
		var running sync.WaitGroup
		for range max(1, *workers) {
			running.Go(func() {
				for c := range next {
					f.process(c[0], c[1], got, stop)
				}
			})
		}
		go func() {
			defer close(next)
			for at := 0; at < count; at += f.chunk {
				select {
				case next <- [2]uint64{from + uint64(at), uint64(min(f.chunk, count-at))}:
				case <-stop:
					return
				}
			}
		}()
		go func() {
			running.Wait()
			close(got)
		}()
		defer func() {
			close(stop)
			for range got { // until all have ended
			}
		}()
		for r := range got {
			if !yield(r) {
				return
			}
		}
	}
}

// stuckAfter is how long one seed may take. They take 0.1 s.
const stuckAfter = 2 * time.Minute

// process is one process and its seeds.
func (f *fleet) process(from, count uint64, got chan<- outcome, stop <-chan struct{}) {
	cmd := exec.CommandContext(f.t.Context(), f.binary, "-test.run=^TestSeeds$", "-test.timeout=0", "-worker",
		"-first="+strconv.FormatUint(from, 10), "-seeds="+strconv.FormatUint(count, 10), "-faults="+*kinds, "-laws="+*lawNames)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		f.t.Error(err)
		return
	}
	var errors strings.Builder
	cmd.Stderr = &errors
	if err := cmd.Start(); err != nil {
		f.t.Error(err)
		return
	}
	lines := bufio.NewScanner(pipe)
	lines.Buffer(nil, 64<<20)
	var rest strings.Builder
	// A bubble in which a goroutine waits for a mutex stands still for good: then the process prints what all of them wait for, and ends.
	stuck := time.AfterFunc(stuckAfter, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
	defer stuck.Stop()
	for lines.Scan() {
		stuck.Reset(stuckAfter)
		text, ok := strings.CutPrefix(lines.Text(), mark)
		if !ok {
			rest.WriteString(lines.Text() + "\n")
			continue
		}
		var o outcome
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			f.t.Error(err)
			continue
		}
		select {
		case got <- o:
		case <-stop:
			_ = cmd.Process.Kill()
		}
	}
	if err := cmd.Wait(); err != nil {
		select {
		case <-stop:
		default:
			f.t.Errorf("seeds %d to %d: %v\n%s%s", from, from+count-1, err, rest.String(), errors.String())
		}
	}
}

// run lives through all seeds, shows progress, and shrinks what fails.
func (f *fleet) run() {
	began, shown := time.Now(), time.Now()
	var simulated time.Duration
	var failed []outcome
	lived, messages := 0, 0
	report := func() string {
		return fmt.Sprintf("%d of %d seeds, %.1f simulated hours, %d messages, %d failed, %.0f s",
			lived, *seedCount, simulated.Hours(), messages, len(failed), time.Since(began).Seconds())
	}
	for o := range f.results(*firstSeed, *seedCount) {
		lived++
		simulated += o.Simulated
		messages += o.Messages
		if len(o.Broken) > 0 {
			failed = append(failed, o)
			fmt.Printf("seed %d is broken (task sim -- -seed %d repeats it):\n%s", o.Seed, o.Seed, sentences(o.Broken))
			if len(failed) == *enough {
				break
			}
		}
		if time.Since(shown) > 10*time.Second {
			shown = time.Now()
			fmt.Println(report())
		}
	}
	fmt.Println(report())
	for i, o := range failed {
		if i < 3 {
			small := shrink(f.t, newPlan(o.Seed, onlyKinds()), o.Broken[0].Law, time.Now().Add(*shrinkFor))
			f.t.Logf("seed %d, the shortest plan found:\n%s%s", o.Seed, small, sentences(counting(live(f.t, small, nil).broken)))
		}
	}
	if len(failed) > 0 {
		f.t.Errorf("%d of %d seeds are broken", len(failed), lived)
	}
}
