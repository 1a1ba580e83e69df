package main

import (
	"testing"
	"testing/fstest"
)

func TestOneProcessor(t *testing.T) {
	t.Parallel()
	const v2, quota, period = "sys/fs/cgroup/cpu.max", "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "sys/fs/cgroup/cpu/cpu.cfs_period_us"
	for name, tc := range map[string]struct {
		files map[string]string
		want  bool
	}{
		"no container":         {nil, false},
		"v2, no limit":         {map[string]string{v2: "max 100000\n"}, false},
		"v2, a quarter":        {map[string]string{v2: "25000 100000\n"}, true},
		"v2, one":              {map[string]string{v2: "100000 100000\n"}, true},
		"v2, one and a half":   {map[string]string{v2: "150000 100000\n"}, false},
		"v1, no limit":         {map[string]string{quota: "-1\n", period: "100000\n"}, false},
		"v1, half":             {map[string]string{quota: "50000\n", period: "100000\n"}, true},
		"v1, two":              {map[string]string{quota: "200000\n", period: "100000\n"}, false},
		"something unreadable": {map[string]string{v2: "a lot\n"}, false},
	} {
		root := fstest.MapFS{}
		for file, text := range tc.files {
			root[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := oneProcessor(root); got != tc.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
	if limitProcessors(fstest.MapFS{v2: {Data: []byte("25000 100000")}}, map[string]string{"GOMAXPROCS": "4"}) {
		t.Error("GOMAXPROCS was not obeyed")
	}
}
