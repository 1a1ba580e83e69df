//go:build linux

package scenario

import (
	"math/rand/v2"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// windowConfig says when to send. Times are the loop's, durations in nanoseconds.
type windowConfig struct {
	start, warmup, duration int64 // nothing counts in the warm-up, and the duration begins after it
	drain                   int64 // how long messages may take to arrive after the last one was sent
	interval                int64 // of an open loop; 0: closed loop, the next when the last one was confirmed
	senders                 int
	done                    chan<- result // takes one
}

// window is a time of sending. What counts is what was due, or arrived, between from and to. The methods of a nil window do
// nothing.
type window struct {
	windowConfig
	from, to int64
	due      int64 // of the next message of an open loop
	order    []int // its senders
	next     int   // in order
	result   result
}

// newWindow returns a window. Senders of an open loop come in a random order that is always the same, and each as often as the others.
func newWindow(c windowConfig) *window {
	from := c.start + c.warmup
	return &window{
		windowConfig: c, from: from, to: from + c.duration, due: c.start, order: rand.New(rand.NewPCG(1, 2)).Perm(c.senders), result: newResult(),
	}
}

func newResult() result {
	return result{oneWay: report.NewHistogram(), written: report.NewHistogram(), confirm: report.NewHistogram(), late: report.NewHistogram()}
}

func (w *window) counts(t int64) bool { return w.from <= t && t < w.to }

func (w *window) sent(due, now int64) {
	if w != nil && w.counts(due) {
		w.result.late.Record(time.Duration(now - due))
	}
}

func (w *window) received(s traffic.Stamp, now int64) {
	if w == nil {
		return
	}
	if w.counts(now) {
		w.result.delivered++
	}
	if w.counts(s.Due) {
		w.result.oneWay.Record(time.Duration(now - s.Due))
		w.result.written.Record(time.Duration(now - s.Written))
	}
}

func (w *window) confirmed(s traffic.Stamp, now int64) {
	if w != nil && w.counts(s.Due) {
		w.result.confirm.Record(time.Duration(now - s.Due))
	}
}

// open begins a window. It is called on the loop.
func (p *pairs) open(w *window) {
	p.window = w
	if w.interval > 0 {
		return
	}
	for range p.inflight {
		for i := range p.clients {
			p.send(i, p.loop.Now())
		}
	}
}

// tickWindow sends what is due, and ends the window when all has arrived.
func (p *pairs) tickWindow(now int64) int64 {
	w := p.window
	for w.interval > 0 && w.due <= now && w.due < w.to {
		p.send(w.order[w.next], w.due)
		w.next = (w.next + 1) % len(w.order)
		w.due += w.interval
	}
	if now < w.to {
		if w.interval > 0 {
			return min(w.due, w.to)
		}
		return w.to
	}
	if p.drained() || now >= w.to+w.drain {
		w.result.tally = p.tally
		w.done <- w.result
		p.window = nil
		return swarm.Never
	}
	return w.to + w.drain
}

// drained reports whether all that was sent has been answered and has arrived.
func (p *pairs) drained() bool { return p.tally.Lost() == 0 && p.tally.Unanswered() == 0 }
