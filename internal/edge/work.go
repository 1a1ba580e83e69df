package edge

import (
	"net/netip"
	"time"

	"github.com/rejoin-dev/rejoin/internal/wsframe"
)

// work is the state that a connection needs only while it is not idle: for its head, half a message, the close.
type work struct {
	conn     *conn
	place    int   // in loop.works
	line     *line // of the crowd
	links    [lineCount]link
	from     netip.Addr // of a head: the network it is counted by
	began    int64      // on the loop's clock
	deadline int64
	buffered int // bytes of buffers that the budget knows of

	head        []byte          // the part of the head received so far
	stream      wsframe.Partial // open: the incomplete frame or message
	writeClosed bool            // closing: the write side is closed
}

// How much is kept for reuse, per loop.
const (
	maxSpare      = 32
	maxSpareBytes = 16 << 10 // of each buffer
)

// beginWork gives c its work, with a deadline from now.
func (l *loop) beginWork(c *conn, timeout time.Duration) *work {
	var w *work
	if n := len(l.spare); n > 0 {
		w, l.spare[n-1] = l.spare[n-1], nil
		l.spare = l.spare[:n-1]
	} else {
		w = new(work)
	}
	w.conn, w.place, w.began = c, len(l.works), l.now()
	w.deadline = w.began + timeout.Milliseconds()
	l.works = append(l.works, w)
	c.work = w
	l.countWork(w)
	return w
}

// endWork removes c's work, if it has any.
func (l *loop) endWork(c *conn) {
	w := c.work
	if w == nil {
		return
	}
	c.work = nil
	l.crowd.remove(w)
	last := len(l.works) - 1
	l.works[w.place] = l.works[last]
	l.works[w.place].place = w.place
	l.works[last] = nil
	l.works = l.works[:last]
	l.srv.cfg.Buffers.Add(-int64(w.buffered))
	if len(l.spare) < maxSpare {
		head := w.head[:0]
		if cap(head) > maxSpareBytes {
			head = nil
		}
		w.stream.Reset(maxSpareBytes)
		*w = work{head: head, stream: w.stream}
		l.spare = append(l.spare, w)
	}
}

// countWork tells the budget of w's buffers.
func (l *loop) countWork(w *work) {
	n := cap(w.head) + w.stream.Buffered()
	l.srv.cfg.Buffers.Add(int64(n - w.buffered))
	w.buffered = n
}
