package main

import (
	"math"
	"runtime/debug"
	"testing"
	"testing/fstest"
)

func TestBufferBudget(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	const none = math.MaxInt64
	for name, c := range map[string]struct {
		memory      int64
		asked, most int
		want        int64
	}{
		"no memory limit":   {none, 0, 64 << 10, 64 << 20},
		"a small container": {80_530_636, 0, 64 << 10, 20_132_659},
		"asked for":         {80_530_636, 5 << 20, 64 << 10, 5 << 20},
		"large messages":    {8 << 20, 0, 1 << 20, 16 << 20},
	} {
		debug.SetMemoryLimit(c.memory)
		if got := bufferBudget(c.asked, c.most).Limit(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestLimitsMemoryToShareOfContainer(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	const v2, v1 = "sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"
	for name, c := range map[string]struct {
		files   map[string]string
		environ map[string]string
		want    int64
	}{
		"cgroup v2":      {files: map[string]string{v2: "134217728\n"}, want: 80530636},
		"cgroup v1":      {files: map[string]string{v1: "134217728\n"}, want: 80530636},
		"no limit":       {files: map[string]string{v2: "max\n"}},
		"no limit, v1":   {files: map[string]string{v1: "9223372036854771712\n"}},
		"no cgroup":      {},
		"GOMEMLIMIT set": {files: map[string]string{v2: "134217728\n"}, environ: map[string]string{"GOMEMLIMIT": "1GiB"}},
	} {
		root := fstest.MapFS{}
		for file, text := range c.files {
			root[file] = &fstest.MapFile{Data: []byte(text)}
		}
		debug.SetMemoryLimit(before)
		if got := limitMemory(root, c.environ); got != c.want {
			t.Errorf("%s: limit %d, want %d", name, got, c.want)
		}
		if c.want > 0 && debug.SetMemoryLimit(-1) != c.want {
			t.Errorf("%s: not set", name)
		}
	}
}
