package edge

import "github.com/rejoin-dev/rejoin/internal/wire"

// rate is how much a connection has sent in the current window. Windows do not overlap: the first frame after the end of one starts
// the next.
type rate struct {
	start   uint32 // ms on the loop's clock; it wraps after 49 days, and so does the difference
	data    uint16 // data frames
	control uint16 // pings and pongs
}

// roll starts another window if the last one is over.
func (r *rate) roll(now, window int64) {
	if r.data == 0 && r.control == 0 || uint32(now)-r.start >= uint32(window) {
		*r = rate{start: uint32(now)}
	}
}

// countFrame counts a data frame, and closes the connection if it exceeds the limit.
func (c *conn) countFrame() {
	cfg := &c.loop.srv.cfg
	if cfg.RateLimit == 0 {
		return
	}
	c.rate.roll(c.loop.now(), cfg.RateWindow.Milliseconds())
	if c.rate.data++; int(c.rate.data) > cfg.RateLimit {
		c.fail(wire.CloseTryAgainLater, wire.ReasonRateLimit)
	}
}

// countControl counts a ping or a pong. If it exceeds the limit, it closes the connection and reports false.
func (c *conn) countControl() bool {
	cfg := &c.loop.srv.cfg
	if cfg.ControlLimit == 0 {
		return true
	}
	c.rate.roll(c.loop.now(), cfg.RateWindow.Milliseconds())
	if c.rate.control++; int(c.rate.control) <= cfg.ControlLimit {
		return true
	}
	c.fail(wire.CloseTryAgainLater, reasonControlRate)
	return false
}
