package edge

import (
	"github.com/gobwas/ws"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// fullness is what becomes of a frame for which there is no room.
type fullness uint8

const (
	refuseWhenFull fullness = iota // the caller is told, and keeps it
	skipWhenFull                   // it is not needed
	loseWhenFull                   // there is room for as much again; then the connection is dropped
)

// queue appends one frame and reports whether it did. It never waits for more than another append. An empty
// queue takes any frame.
func (c *conn) queue(op ws.OpCode, payload []byte, full fullness) bool {
	in := &c.loop.in
	bound := c.loop.srv.cfg.MaxOutputBytes
	if full == loseWhenFull {
		bound *= 2
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if c.closed.Load() {
		return false
	}
	size := frameSize(len(payload))
	if waiting := int(c.waiting.Load()); waiting > 0 && waiting+size > bound {
		if full == loseWhenFull {
			in.sealLocked(c, signaling.End{Kind: signaling.EndLost})
			in.front.add(c, len(in.front.arena), thenDrop)
			c.loop.wakeLocked()
		}
		return false
	}
	from := len(in.front.arena)
	in.front.arena = append(appendHeader(in.front.arena, op, len(payload)), payload...)
	c.waiting.Add(int32(size))
	in.front.add(c, from, thenNothing)
	c.loop.wakeLocked()
	return true
}

// queueClose appends a close frame after which nothing can be queued. The first one wins. end is what the
// session hears.
func (c *conn) queueClose(code wire.CloseCode, reason string, end signaling.End) {
	in := &c.loop.in
	in.mu.Lock()
	if !in.sealLocked(c, end) {
		in.mu.Unlock()
		return
	}
	from := len(in.front.arena)
	in.front.arena = appendClose(in.front.arena, code, reason)
	c.waiting.Add(int32(len(in.front.arena) - from))
	in.front.add(c, from, thenFinish)
	c.loop.wakeLocked()
	in.mu.Unlock()
	c.loop.srv.metrics.close(code, end.Kind)
}
