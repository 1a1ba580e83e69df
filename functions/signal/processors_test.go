package main

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/fstest"
	"time"
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
	before := runtime.GOMAXPROCS(0)
	if !limitProcessors(fstest.MapFS{v2: {Data: []byte("25000 100000")}}, map[string]string{"GOMAXPROCS": "4"}) {
		t.Error("GOMAXPROCS is set, and yet it may be changed")
	}
	if now := runtime.GOMAXPROCS(0); now != before {
		t.Errorf("GOMAXPROCS was changed from %d to %d, though it is set", before, now)
	}
}

func TestDemand(t *testing.T) {
	t.Parallel()
	var d demand
	for i, tc := range []struct {
		used float64
		want int
	}{
		{0, 1}, {0.5, 1}, // one does it
		{0.7, 2}, {1.9, 4}, // at once
		{0.1, 4}, // what was needed a moment ago may be needed again
	} {
		if got := d.saw(tc.used); got != tc.want {
			t.Errorf("look %d, %.1f in use: %d processors, want %d", i, tc.used, got, tc.want)
		}
	}
	looks := 1
	for d.saw(0.1) > 1 {
		if looks++; looks > demandKept {
			t.Fatalf("after %d quiet looks still more than one", looks)
		}
	}
	if looks < demandKept-2 {
		t.Errorf("the peak was forgotten after %d looks, want %d", looks, demandKept)
	}
}

// Not parallel: GOMAXPROCS is the process's.
func TestProcessorsFollowDemand(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { followDemand(ctx) })
	await := func(what string, ok func(n int) bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !ok(runtime.GOMAXPROCS(0)); time.Sleep(demandEvery / 4) {
			if time.Now().After(end) {
				t.Fatalf("GOMAXPROCS is %d %s", runtime.GOMAXPROCS(0), what)
			}
		}
	}
	await("in a process that does nothing", func(n int) bool { return n == 1 })
	wg.Go(func() {
		for ctx.Err() == nil { // works
		}
	})
	await("in a process that works", func(n int) bool { return n > 1 && n <= 4 })
}
