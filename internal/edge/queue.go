package edge

import (
	"github.com/gobwas/ws"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// fullness is what becomes of a frame for which there is no room.
type fullness uint8

const (
	refuseWhenFull fullness = iota // the caller is told, and keeps it; also while all buffers together are full
	skipWhenFull                   // it is not needed
	loseWhenFull                   // there is room for as much again; then the connection is dropped
)

// queue appends one frame, and a ping behind it unless that is empty, and reports whether it did. It never waits for more
// than another append or a write that does not block. An empty queue takes any frame.
func (c *conn) queue(op ws.OpCode, payload, ping []byte, full fullness) bool {
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
	if len(ping) > 0 {
		size += frameSize(len(ping))
	}
	if waiting := int(c.waiting.Load()); waiting > 0 && (waiting+size > bound || full != loseWhenFull && in.buffers.Excess() > 0) {
		if full == loseWhenFull {
			in.sealLocked(c, signaling.End{Kind: signaling.EndLost})
			in.front.add(c, len(in.front.arena), thenDrop)
			c.loop.wakeLocked()
		}
		return false
	}
	from := len(in.front.arena)
	in.front.arena = append(appendHeader(in.front.arena, op, len(payload)), payload...)
	if len(ping) > 0 {
		in.front.arena = append(appendHeader(in.front.arena, ws.OpPing, len(ping)), ping...)
	}
	if n := c.writeThrough(in.front.arena[from:]); n > 0 {
		in.front.arena = append(in.front.arena[:from], in.front.arena[from+n:]...)
		if size -= n; size == 0 {
			return true
		}
	}
	c.waiting.Add(int32(size))
	in.front.count(in.buffers)
	in.front.add(c, from, thenNothing)
	c.loop.wakeLocked()
	return true
}

// writeThrough gives frames to the socket at once, on the caller's goroutine, if the loop sleeps and nothing of c waits: to
// wake the loop for them takes longer than to write them. It returns how many bytes the socket took. What follows on
// the same connection before the loop has been awake goes through the loop, so that a page of messages is one write
// and not one each. The inbox is locked; a connection is sealed under that lock before its descriptor is closed.
func (c *conn) writeThrough(frames []byte) int {
	in := &c.loop.in
	if in.armed || in.through == c || c.waiting.Load() > 0 {
		return 0
	}
	in.through = c
	n, err := writeOnce(c.descriptor(), frames)
	if err != nil {
		return 0 // the loop will see it too
	}
	c.loop.srv.metrics.sent(n)
	return n
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
