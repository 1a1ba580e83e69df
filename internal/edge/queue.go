package edge

import (
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/internal/wsframe"
)

// output is one frame to queue, with a ping behind it unless that is empty.
type output struct {
	op      wsframe.Opcode
	payload []byte
	ping    []byte
}

// size is how many bytes it takes on the wire.
func (o *output) size() int {
	size := wsframe.Size(len(o.payload))
	if len(o.ping) > 0 {
		size += wsframe.Size(len(o.ping))
	}
	return size
}

func (o *output) append(dst []byte) []byte {
	dst = wsframe.Append(dst, o.op, o.payload)
	if len(o.ping) > 0 {
		dst = wsframe.Append(dst, wsframe.OpPing, o.ping)
	}
	return dst
}

// fullness says what to do with a frame for which there is no room.
type fullness uint8

const (
	refuseWhenFull fullness = iota // the caller is told, and keeps it; also while the budget of all buffers is exceeded
	skipWhenFull                   // it is not needed
	dropWhenFull                   // room for as much again, or for twice the largest PeerJS message; then the connection is dropped
)

// queue appends one output to the outbox, and reports whether it did. It waits at most for another append, or for a non-blocking write. An
// empty queue takes any frame.
func (c *conn) queue(out output, full fullness) bool {
	o := &c.loop.outbox
	bound := c.loop.srv.cfg.MaxOutputBytes
	if full == dropWhenFull {
		bound = c.loop.srv.dropBound
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if c.sealed.Load() {
		return false
	}
	size := out.size()
	if waiting := int(c.waiting.Load()); waiting > 0 && (waiting+size > bound || full != dropWhenFull && o.buffers.Excess() > 0) {
		if full == dropWhenFull {
			o.sealLocked(c, signaling.Closure{By: signaling.ClosedByLoss})
			o.addLocked(c, len(o.front.arena), thenRemove)
		}
		return false
	}
	from := len(o.front.arena)
	o.front.arena = out.append(o.front.arena)
	if n := c.writeDirect(o.front.arena[from:]); n > 0 {
		o.front.arena = append(o.front.arena[:from], o.front.arena[from+n:]...)
		if size -= n; size == 0 {
			return true
		}
	}
	c.waiting.Add(int32(size))
	o.front.count(o.buffers)
	o.addLocked(c, from, thenNothing)
	return true
}

// writeDirect writes frames to the socket on the caller's goroutine, if the loop sleeps and nothing waits for c: waking the loop would take
// longer than the write. It returns how many bytes the socket accepted. Further frames for the same connection go through the loop until it
// has been awake, so that a page of messages is one write, not one write each. The outbox is locked, and a connection is sealed under that
// lock before its descriptor is closed.
func (c *conn) writeDirect(frames []byte) int {
	o := &c.loop.outbox
	if o.armed || o.direct == c || c.waiting.Load() > 0 {
		return 0
	}
	o.direct = c
	n, err := c.socket.TryWrite(frames)
	if err != nil {
		return 0 // the loop will see it too
	}
	c.loop.srv.metrics.sent(n)
	return n
}

// queueClose appends a close frame after which nothing can be queued. The first one wins. end is reported to the session.
func (c *conn) queueClose(code wire.CloseCode, reason string, end signaling.Closure) {
	o := &c.loop.outbox
	o.mu.Lock()
	if !o.sealLocked(c, end) {
		o.mu.Unlock()
		return
	}
	from := len(o.front.arena)
	o.front.arena = wsframe.AppendClose(o.front.arena, code, reason)
	c.waiting.Add(int32(len(o.front.arena) - from))
	o.addLocked(c, from, thenLinger)
	o.mu.Unlock()
	c.loop.srv.metrics.close(code, end.By)
}

// queueResponse appends an HTTP response after which the connection is closed, from any goroutine.
func (c *conn) queueResponse(status int, response []byte) {
	o := &c.loop.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.sealLocked(c, signaling.Closure{}) {
		return
	}
	from := len(o.front.arena)
	o.front.arena = append(o.front.arena, response...)
	c.waiting.Add(int32(len(response)))
	o.addLocked(c, from, thenLinger)
	c.loop.srv.metrics.responded(status)
}
