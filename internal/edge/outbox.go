package edge

import (
	"sync"

	"github.com/rejoin-dev/rejoin/internal/budget"
	"github.com/rejoin-dev/rejoin/internal/signaling"
)

// outbox holds the pending output of the connections of one loop, in the order it was queued. Producers on any goroutine append to front;
// the loop swaps front and back and writes. Both keep their memory.
type outbox struct {
	mu    sync.Mutex
	front batch
	armed bool // the loop will look without being woken
	// direct is the last connection written to without the loop, since the loop was awake.
	direct *conn

	back batch // owned by the loop

	buffers *budget.Budget // static
}

// batch is a run of frames with the connections they are for: items own consecutive pieces of arena.
type batch struct {
	arena   []byte
	items   []item
	counted int // bytes of arena that the budget knows of
}

// item is a run of frames of one connection, and what to do once they are written.
type item struct {
	conn *conn
	size int
	then then
}

// then is what follows the bytes of an item.
type then uint8

const (
	thenNothing then = iota
	thenLinger       // they end with a close frame
	thenRemove       // there are none: the queue has grown past its bound
)

// maxIdleArena bounds the capacity that an arena keeps for reuse, in bytes. Capacity beyond it counts as buffered.
const maxIdleArena = 256 << 10

// seal stops anything more from being queued for c, and reports whether it was the first to do so. The first end is kept.
func (o *outbox) seal(c *conn, end signaling.Closure) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sealLocked(c, end)
}

func (o *outbox) sealLocked(c *conn, end signaling.Closure) bool {
	if c.sealed.Load() {
		return false
	}
	c.endKind, c.endCode = end.By, end.Code
	c.sealed.Store(true) // after them: the loop reads them without the lock once it is set
	return true
}

// arm tells producers that the loop is awake and will look by itself.
func (o *outbox) arm() {
	o.mu.Lock()
	o.armed, o.direct = true, nil
	o.mu.Unlock()
}

// take returns the queued batch, valid until the next take. If it is empty, take disarms the outbox: the next producer wakes the loop.
func (o *outbox) take() *batch {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.front.items) == 0 {
		o.armed = false
		return nil
	}
	o.front, o.back = o.back, o.front
	return &o.back
}

// addLocked assigns the bytes of the arena after from to c, and wakes the loop unless it will look anyway. A connection is sealed under the
// same lock before its loop ends, so a loop that has ended is not woken: its descriptor may be another file's by then.
func (o *outbox) addLocked(c *conn, from int, what then) {
	o.front.add(c, from, what)
	if !o.armed {
		o.armed = true
		c.loop.ev.Post(taskWrite)
	}
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

// add assigns the bytes of the arena after from to c. Consecutive frames of one connection become one item, one write.
func (b *batch) add(c *conn, from int, what then) {
	size := len(b.arena) - from
	if n := len(b.items); n > 0 && b.items[n-1].conn == c && b.items[n-1].then == thenNothing {
		b.items[n-1].size += size
		b.items[n-1].then = what
		return
	}
	b.items = append(b.items, item{conn: c, size: size, then: what})
}
