package main

import (
	"context"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"github.com/rejoin-dev/rejoin/internal/budget"
)

const (
	// gcPercent makes the collector run twice as often as by default. The heap is small and a message allocates
	// little, but garbage from a burst of connections stays resident between the live objects.
	gcPercent = 50
	// memoryShare is the Go heap's share of a container's memory. The rest is for the kernel's sockets, 4.5 to 5 KB
	// each, which count towards the container.
	memoryShare = 0.6
	trimEvery   = 5 * time.Second
	// quiet is the most that may be allocated between two checks for the process to count as idle.
	quiet = 8 << 20
	// worthwhile is the least amount worth returning to the system.
	worthwhile = 1 << 20
)

// tuneCollector sets how often garbage is collected, unless GOGC is set.
func tuneCollector(environ map[string]string) {
	if environ["GOGC"] == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// limitMemory sets the soft limit of the heap to a share of the container's memory, unless GOMEMLIMIT is set. Outside a container there is
// no limit.
func limitMemory(container memlimit.Provider) {
	_, _ = memlimit.Set(memlimit.WithRatio(memoryShare), memlimit.WithProvider(container)) // if no limit can be read, none is set
}

const (
	// bufferShare: clients' buffers may take one part in bufferShare of the heap. Garbage collection lags behind, and
	// connections, Redis calls and kernel memory need the rest.
	bufferShare = 4
	// buffersWithoutLimit is for a process without a memory limit.
	buffersWithoutLimit = 64 << 20
)

// bufferBudget is how much all clients' buffers may hold together: the setting or, by default, a share of the memory limit, but
// always enough for some of the largest messages.
func bufferBudget(asked, maxMessage int) *budget.Budget {
	bytes := int64(asked)
	if limit := debug.SetMemoryLimit(-1); bytes == 0 && limit < math.MaxInt64 {
		bytes = limit / bufferShare
	}
	if bytes == 0 {
		bytes = buffersWithoutLimit
	}
	return budget.New(max(bytes, 16*int64(maxMessage)))
}

// trimMemory returns memory to the system after bursts, until ctx ends. Idle connections allocate
// nothing, so the garbage from the burst in which they connected would otherwise stay until the next burst.
func trimMemory(ctx context.Context) {
	tick := time.NewTicker(trimEvery)
	defer tick.Stop()
	before := readHeap()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := readHeap()
		if now.allocated-before.allocated < quiet && now.reclaimable() > max(worthwhile, now.live/16) {
			debug.FreeOSMemory()
			now = readHeap()
		}
		before = now
	}
}

// heap is the runtime's view of the heap, in bytes.
type heap struct{ allocated, objects, free, live uint64 }

func readHeap() heap {
	s := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/gc/heap/live:bytes"},
	}
	metrics.Read(s)
	return heap{s[0].Value.Uint64(), s[1].Value.Uint64(), s[2].Value.Uint64(), s[3].Value.Uint64()}
}

// reclaimable is a lower bound for what a collection and returning free pages would free.
func (h heap) reclaimable() uint64 {
	if held := h.objects + h.free; held > h.live {
		return held - h.live
	}
	return 0
}
