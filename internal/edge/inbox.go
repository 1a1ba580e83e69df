package edge

import (
	"sync"

	"github.com/rejoin-dev/rejoin/internal/budget"
	"github.com/rejoin-dev/rejoin/internal/signaling"
)

// inbox holds what the connections of one loop are to write, in the order in which it was queued. Producers
// on any goroutine append to front; the loop swaps front and back and writes. Both keep their memory.
type inbox struct {
	mu    sync.Mutex
	front batch
	armed bool // the loop will look without being woken
	// through is the connection that was last written to without the loop, since the loop was awake.
	through *conn

	back batch // owned by the loop

	buffers *budget.Budget // static
}

// batch is a run of frames and whose they are: items own consecutive pieces of arena.
type batch struct {
	arena   []byte
	items   []item
	counted int // bytes of arena that the budget knows of
}

// item is some frames of one connection and what to do once they are written.
type item struct {
	conn *conn
	size int
	then then
}

// then is what follows the bytes of an item.
type then uint8

const (
	thenNothing then = iota
	thenFinish       // they end with a close frame
	thenDrop         // there are none: the queue has grown past its bound
)

// maxIdleArena bounds what an arena keeps for the next time, in bytes. What it has beyond that counts as buffered.
const maxIdleArena = 256 << 10

// seal forbids anything more to be queued by c, and reports whether it was the first to do so; end is kept
// then.
func (in *inbox) seal(c *conn, end signaling.End) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.sealLocked(c, end)
}

func (in *inbox) sealLocked(c *conn, end signaling.End) bool {
	if c.closed.Load() {
		return false
	}
	c.closed.Store(true)
	c.endKind, c.endCode = end.Kind, end.Code
	return true
}

// arm tells producers that the loop is awake and will look by itself.
func (in *inbox) arm() {
	in.mu.Lock()
	in.armed, in.through = true, nil
	in.mu.Unlock()
}

// take returns what has been queued, valid until the next take. When there is nothing it disarms the inbox: the
// next producer wakes the loop.
func (in *inbox) take() *batch {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.front.items) == 0 {
		in.armed = false
		return nil
	}
	in.front, in.back = in.back, in.front
	return &in.back
}

// count tells the budget of the memory of a burst.
func (b *batch) count(buffers *budget.Budget) {
	if n := max(0, cap(b.arena)-maxIdleArena); n != b.counted {
		buffers.Add(int64(n - b.counted))
		b.counted = n
	}
}

// reset empties a batch, and forgets the memory of a burst.
func (b *batch) reset(buffers *budget.Budget) {
	clear(b.items) // they refer to connections
	b.items = b.items[:0]
	b.arena = b.arena[:0]
	if cap(b.arena) > maxIdleArena {
		b.arena, b.items = nil, nil
	}
	b.count(buffers)
}

// add gives the bytes of arena from size on to c. Consecutive frames of one connection become one item, one
// write.
func (b *batch) add(c *conn, from int, what then) {
	size := len(b.arena) - from
	if n := len(b.items); n > 0 && b.items[n-1].conn == c && b.items[n-1].then == thenNothing {
		b.items[n-1].size += size
		b.items[n-1].then = what
		return
	}
	b.items = append(b.items, item{c, size, what})
}
