package edge

import "github.com/rejoin-dev/rejoin/internal/wire"

// rate is how much a connection has sent in the window that runs. Windows do not overlap: the first frame after the end of one
// starts the next.
type rate struct {
	start   uint32 // ms on the loop's clock, which wraps here after 49 days, as the difference does
	data    uint16 // data frames
	control uint16 // pings and pongs
}

// turn starts another window if the last one is over.
func (r *rate) turn(now int64, window int64) {
	if r.data == 0 && r.control == 0 || uint32(now)-r.start >= uint32(window) {
		*r = rate{start: uint32(now)}
	}
}

// countFrame counts one data frame against the rate limit, and closes if it is one too many.
func (c *conn) countFrame() bool {
	cfg := &c.loop.srv.cfg
	if cfg.RateLimit == 0 {
		return true
	}
	c.rate.turn(c.loop.now(), cfg.RateWindow.Milliseconds())
	c.rate.data++
	if int(c.rate.data) <= cfg.RateLimit {
		return true
	}
	c.fail(violation{wire.CloseTryAgainLater, wire.ReasonRateLimit})
	return false
}

// countControl does so for a ping or a pong.
func (c *conn) countControl() bool {
	cfg := &c.loop.srv.cfg
	if cfg.ControlLimit == 0 {
		return true
	}
	c.rate.turn(c.loop.now(), cfg.RateWindow.Milliseconds())
	c.rate.control++
	if int(c.rate.control) <= cfg.ControlLimit {
		return true
	}
	c.fail(violation{wire.CloseTryAgainLater, reasonControlRate})
	return false
}
