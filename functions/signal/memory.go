package main

import (
	"bytes"
	"context"
	"io/fs"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"time"

	"github.com/rejoin-dev/rejoin/internal/budget"
)

const (
	// gcPercent makes the collector run twice as often as by default: the heap is small and what one message
	// allocates is little, but what a burst of connections leaves between the live objects stays resident.
	gcPercent = 50
	// memoryShare is how much of a container's memory the Go heap may have; the kernel needs the rest for sockets,
	// 4.5 to 5 KB each, which containers are charged for.
	memoryShare = 0.6
	trimEvery   = 5 * time.Second
	// quiet is how much is allocated between two looks at most when little happens.
	quiet = 8 << 20
	// worthwhile is the least that is given back to the system.
	worthwhile = 1 << 20
)

// tuneCollector sets how often garbage is collected, unless GOGC did.
func tuneCollector(environ map[string]string) {
	if environ["GOGC"] == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// limitMemory sets the soft limit of the heap from that of the container, unless GOMEMLIMIT did. It returns the
// limit, 0 if there is none.
func limitMemory(root fs.FS, environ map[string]string) int64 {
	if environ["GOMEMLIMIT"] != "" {
		return 0
	}
	for _, file := range []string{"sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"} { // cgroup v2, v1
		text, err := fs.ReadFile(root, file)
		if err != nil {
			continue
		}
		// "max" is no number; v1 says so by a very large one.
		if n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64); err == nil && n < 1<<50 {
			limit := int64(float64(n) * memoryShare)
			debug.SetMemoryLimit(limit)
			return limit
		}
	}
	return 0
}

const (
	// bufferShare is how much of the heap buffers of clients may have, as one part of so many; collection lags behind, and
	// connections, Redis and what the kernel holds need the rest.
	bufferShare = 4
	// buffersWithoutLimit is for a process whose memory nobody limits.
	buffersWithoutLimit = 64 << 20
)

// bufferBudget is what the buffers of all clients may hold together: what was asked for, else a share of the memory limit, but
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

// trimMemory gives memory back to the system when a burst is over, until ctx ends. Connections that do nothing
// allocate nothing, so the garbage of the burst in which they came would stay until the next one.
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

// heap is what the runtime says of it, in bytes.
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

// reclaimable is what a collection and a return of free pages would give back, at least.
func (h heap) reclaimable() uint64 {
	if held := h.objects + h.free; held > h.live {
		return held - h.live
	}
	return 0
}
