package main

import (
	"math"
	"runtime/debug"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
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
	failed := func() (uint64, error) { return 0, memlimit.ErrNoCgroup }
	for name, c := range map[string]struct {
		container  memlimit.Provider
		gomemlimit string
		want       int64
	}{
		"128 MiB":        {memlimit.Limit(128 << 20), "", 80_530_636},
		"no limit":       {func() (uint64, error) { return 0, memlimit.ErrNoLimit }, "", math.MaxInt64},
		"no container":   {failed, "", 1 << 40},
		"GOMEMLIMIT set": {memlimit.Limit(128 << 20), "1TiB", 1 << 40},
	} {
		t.Run(name, func(t *testing.T) {
			if c.gomemlimit != "" {
				t.Setenv("GOMEMLIMIT", c.gomemlimit)
			}
			debug.SetMemoryLimit(1 << 40) // as the runtime does with GOMEMLIMIT
			limitMemory(c.container)
			if got := debug.SetMemoryLimit(-1); got != c.want {
				t.Errorf("limit %d, want %d", got, c.want)
			}
		})
	}
}
