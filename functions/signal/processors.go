package main

import (
	"io/fs"
	"runtime"
	"strconv"
	"strings"
)

// limitProcessors runs Go code on one thread at a time where the container has no more than one processor, unless GOMAXPROCS did;
// the runtime itself takes two at least. A second one costs a fifth more for each message, and gains nothing when it has
// nothing to run on. It reports whether it did.
func limitProcessors(root fs.FS, environ map[string]string) bool {
	if environ["GOMAXPROCS"] != "" || !oneProcessor(root) {
		return false
	}
	runtime.GOMAXPROCS(1)
	return true
}

// oneProcessor reads the quota and its period, in microseconds: "50000 100000" is half a processor, and "max" or -1 are all there are.
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
