package main

import (
	"io/fs"
	"runtime"
	"strconv"
	"strings"
)

// limitProcessors sets GOMAXPROCS to 1 if the container has at most one CPU, unless GOMAXPROCS is set; Go's own default is at least
// 2. A second thread makes each message a fifth more expensive and gains nothing without a CPU to run on. It reports
// whether it set it.
func limitProcessors(root fs.FS, environ map[string]string) bool {
	if environ["GOMAXPROCS"] != "" || !oneProcessor(root) {
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
