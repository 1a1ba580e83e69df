package edge

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gobwas/ws"
)

// work is what a connection needs only while it is not idle: during the head, half a message, the close.
type work struct {
	conn     *conn
	place    int   // in loop.works
	line     *line // of the crowd
	links    [lineCount]link
	peer     netip.Addr // as it is counted, of a head
	began    int64      // on the loop's clock
	deadline int64

	// head: what there is of it. open: the payload of the message so far, unmasked.
	buf []byte

	// open: the frame that is being read
	pend    [maxPend]byte // an incomplete header, or an incomplete control frame
	pending int
	head    ws.Header // of the data frame whose payload is being read
	left    int       // bytes of that payload still to come
	begun   bool      // a data message has begun
	text    bool      // and its opcode was text
	intact  int       // bytes of buf that are whole characters, as far as text has been looked at

	// closing: the write side is shut down
	shut bool
}

// Bounds of what is kept for reuse, per loop.
const (
	maxSpare      = 32
	maxSpareBytes = 16 << 10
	minBuf        = 512
)

// begin gives c its work, with a deadline from now.
func (l *loop) begin(c *conn, timeout time.Duration) *work {
	var w *work
	if n := len(l.spare); n > 0 {
		w, l.spare[n-1] = l.spare[n-1], nil
		l.spare = l.spare[:n-1]
		l.srv.cfg.Buffers.Add(int64(cap(w.buf)))
	} else {
		w = new(work)
	}
	w.conn, w.place, w.began = c, len(l.works), l.now()
	w.deadline = w.began + timeout.Milliseconds()
	l.works = append(l.works, w)
	c.work = w
	return w
}

// release takes the work of c away, if it has any.
func (l *loop) release(c *conn) {
	w := c.work
	if w == nil {
		return
	}
	c.work = nil
	l.crowd.part(w)
	last := len(l.works) - 1
	l.works[w.place] = l.works[last]
	l.works[w.place].place = w.place
	l.works[last] = nil
	l.works = l.works[:last]
	l.srv.cfg.Buffers.Add(-int64(cap(w.buf)))
	if len(l.spare) < maxSpare {
		buf := w.buf[:0]
		if cap(buf) > maxSpareBytes {
			buf = nil
		}
		*w = work{buf: buf}
		l.spare = append(l.spare, w)
	}
}

// keep appends data to the buffer of w. The buffer doubles, up to limit at least: what was only announced costs nothing, and a
// trickle is not copied again and again.
func (l *loop) keep(w *work, data []byte, limit int) {
	if need, had := len(w.buf)+len(data), cap(w.buf); need > had {
		size := max(need, min(2*had, limit), min(minBuf, limit))
		w.buf = slices.Grow(w.buf, size-len(w.buf))
		l.srv.cfg.Buffers.Add(int64(cap(w.buf) - had))
	}
	w.buf = append(w.buf, data...)
}
