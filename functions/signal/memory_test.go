package main

import (
	"runtime/debug"
	"testing"
	"testing/fstest"
)

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
