package simulation

// Station serves in order of arrival, with so many servers that each work at a speed.
type Station struct {
	Clock *Clock
	Speed float64   // seconds of work that a server does in a second
	free  []float64 // when each server is free: a heap would pay from dozens on

	Busy   float64 // seconds of work taken so far
	second int     // of what follows
	work   float64
	Peak   float64 // most work that was taken in one second, as a share of what can be done
}

// NewStation returns an idle one.
func NewStation(c *Clock, servers int, speed float64) *Station {
	return &Station{Clock: c, Speed: speed, free: make([]float64, servers), second: int(c.Now())}
}

// Wait is how long a client arriving now would wait to be served.
func (s *Station) Wait() float64 { return max(0, s.free[s.next()]-s.Clock.now) }

func (s *Station) next() int {
	best := 0
	for i, at := range s.free {
		if at < s.free[best] {
			best = i
		}
	}
	return best
}

// Serve takes a piece of work, in seconds at speed 1, and calls done when it is finished, which may be nil. It returns the time until
// then.
func (s *Station) Serve(work float64, done func()) float64 {
	i := s.next()
	took := work / s.Speed
	s.free[i] = max(s.free[i], s.Clock.now) + took
	s.Busy += work
	s.note(i, took)
	left := s.free[i] - s.Clock.now
	if done != nil {
		s.Clock.After(left, done)
	}
	return left
}

// note follows how busy a second is: by when work is done, not by when it comes.
func (s *Station) note(i int, took float64) {
	if second := int(s.free[i]); second != s.second {
		s.second, s.work = second, 0
	}
	s.work += took
	s.Peak = max(s.Peak, min(1, s.work/float64(len(s.free))))
}
