package faultproxy

import (
	"bytes"
	"math/rand/v2"
	"time"
)

// Direction is one of the two of a connection.
type Direction int

// Up is from the client to the target, Down from the target to the client.
const (
	Up Direction = iota
	Down
)

// Pace is how slow a network is.
type Pace struct {
	Latency time.Duration // of every chunk
	Jitter  time.Duration // added to it or taken from it, at random; the order stays
	Rate    int           // bytes a second, 0: as fast as it goes
}

// faults are what a proxy does to the bytes of all its connections. They are replaced as a whole, never changed.
type faults struct {
	pace   [2]Pace
	limit  int // bytes down after which a connection is cut, 0: none
	filter func() func(chunk []byte) bool
	over   chan struct{} // closed when others have taken their place
}

// Slow paces one direction of all connections, present and future. A connection keeps up to 64 chunks of 16 KiB waiting, then reads no more:
// that is the one fault with a clock.
func (p *Proxy) Slow(way Direction, pace Pace) { p.change(func(f *faults) { f.pace[way] = pace }) }

// LimitDown cuts every connection, present and future, once this many more bytes have come down.
func (p *Proxy) LimitDown(bytes int) { p.change(func(f *faults) { f.limit = bytes }) }

// FilterDown drops the chunks from the target for which a filter returns false. Every connection, present and future, has a filter of its own. A
// chunk is what one read of the socket returns.
func (p *Proxy) FilterDown(newFilter func() func(chunk []byte) bool) {
	p.change(func(f *faults) { f.filter = newFilter })
}

// Cure ends what Silence, HoldNew, Slow, LimitDown and FilterDown began. Silent connections are reset: their bytes are gone.
func (p *Proxy) Cure() {
	p.change(func(f *faults) { *f = faults{} })
	p.PassNew()
	for _, c := range p.Conns() {
		if c.current() == silent {
			c.Reset()
		}
	}
}

// change replaces the faults.
func (p *Proxy) change(f func(*faults)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := p.faults.Load()
	next := *last
	f(&next)
	next.over = make(chan struct{})
	p.faults.Store(&next)
	close(last.over)
}

// pipeChunks is how many chunks of one direction wait for their time.
const pipeChunks = 64

// chunk is what one read of a socket returned: bytes, or an error, which is the last one.
type chunk struct {
	b   []byte
	err error
	at  time.Time // of one that waits
}

// slow reports whether a direction is paced, or has been: what follows must not overtake what waits.
func (s *stream) slow() bool {
	return s.pipe != nil || s.conn.proxy.faults.Load().pace[s.name] != Pace{}
}

// delay puts a copy of a chunk into the pipe. It blocks while that is full.
func (s *stream) delay(c chunk) {
	if s.pipe == nil {
		s.pipe = make(chan chunk, pipeChunks)
		s.conn.proxy.wg.Go(s.deliver)
	}
	c.b, c.at = bytes.Clone(c.b), time.Now()
	select {
	case s.pipe <- c:
	case <-s.conn.closed:
	}
}

// deliver takes chunks out of the pipe when their time has come.
func (s *stream) deliver() {
	for {
		select {
		case c := <-s.pipe:
			if c.err != nil {
				s.carry(c)
				return
			}
			f := s.conn.proxy.faults.Load()
			pace := f.pace[s.name]
			wait := time.Until(c.at.Add(pace.Latency))
			if pace.Jitter > 0 {
				wait += rand.N(2*pace.Jitter) - pace.Jitter
			}
			if pace.Rate > 0 {
				wait = max(wait, 0) + time.Duration(len(c.b))*time.Second/time.Duration(pace.Rate)
			}
			s.sleep(wait, f.over)
			s.carry(c)
		case <-s.conn.closed:
			return
		}
	}
}

// sleep ends early when the connection does, or the faults change.
func (s *stream) sleep(d time.Duration, over <-chan struct{}) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-over:
	case <-s.conn.closed:
	}
}

// passes applies the filter and the limit to a chunk that is about to be forwarded. It returns how much of it passes, and whether the
// connection ends behind that. The caller holds mu.
func (s *stream) passes(b []byte) (n int, cut bool) {
	f := s.conn.proxy.faults.Load()
	if f != s.faults {
		s.faults, s.left, s.keep = f, f.limit, nil
		if f.filter != nil {
			s.keep = f.filter()
		}
	}
	switch {
	case s.name == Up:
		return len(b), false
	case s.keep != nil && !s.keep(b):
		return 0, false
	case f.limit == 0:
		return len(b), false
	}
	n = min(len(b), s.left)
	s.left -= n
	return n, s.left == 0
}
