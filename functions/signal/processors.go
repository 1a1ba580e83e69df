package main

import (
	"context"
	"io/fs"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// limitProcessors sets GOMAXPROCS to 1 if the container has at most one CPU, unless GOMAXPROCS is set; Go's own default is at least
// 2. A second thread makes each message a fifth more expensive and gains nothing without a CPU to run on. It reports
// whether the number of threads is final.
func limitProcessors(root fs.FS, environ map[string]string) (final bool) {
	if environ["GOMAXPROCS"] != "" {
		return true
	}
	if !oneProcessor(root) {
		return false
	}
	runtime.GOMAXPROCS(1)
	return true
}

// oneProcessor reads the quota and its period in microseconds: "50000 100000" is half a CPU, "max" or -1 means no limit.
func oneProcessor(root fs.FS) bool {
	text, err := fs.ReadFile(root, "sys/fs/cgroup/cpu.max") // cgroup v2
	if err != nil {                                         // v1
		quota, _ := fs.ReadFile(root, "sys/fs/cgroup/cpu/cpu.cfs_quota_us")
		period, _ := fs.ReadFile(root, "sys/fs/cgroup/cpu/cpu.cfs_period_us")
		text = append(append(quota, ' '), period...)
	}
	words := strings.Fields(string(text))
	if len(words) != 2 {
		return false
	}
	quota, err := strconv.Atoi(words[0])
	period, err2 := strconv.Atoi(words[1])
	return err == nil && err2 == nil && quota > 0 && quota <= period
}

const (
	demandEvery = 100 * time.Millisecond
	// demandShare is how much of the processors may be in use before there is one more. What comes at the same moment waits for less than
	// it takes to wake another thread.
	demandShare = 0.6
	// demandKept is for how many looks the greatest demand counts: 3 s.
	demandKept = 30
)

// demand is how much processor time the process has used lately.
type demand struct {
	recent [demandKept]float64 // processors in use, between two looks
	next   int
}

// saw adds one look and returns how many processors are needed.
func (d *demand) saw(used float64) int {
	d.recent[d.next] = used
	d.next = (d.next + 1) % demandKept
	return 1 + int(slices.Max(d.recent[:])/demandShare)
}

// followDemand keeps GOMAXPROCS at what the process needs, at most at what it was, until ctx ends. It is for a process that mostly
// sleeps. There, Go wakes a second thread whenever a goroutine readies another one, and that thread is nearly always late: the goroutine
// runs where it was readied. Waking it costs a fifth of a message.
func followDemand(ctx context.Context) {
	tick := time.NewTicker(demandEvery)
	defer tick.Stop()
	most := runtime.GOMAXPROCS(0)
	set := most
	var d demand
	for used, looked := processorTime(), time.Now(); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		u, now := processorTime(), time.Now()
		need := min(most, d.saw((u-used).Seconds()/now.Sub(looked).Seconds()))
		used, looked = u, now
		if need != set {
			set = need
			runtime.GOMAXPROCS(set) // stops the process for some 50 µs
		}
	}
}

// processorTime is what the process has used.
func processorTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
