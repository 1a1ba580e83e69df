package pipeline

import (
	"slices"
	"time"
)

// slack keeps the alarm from going off for each call of a moment by itself.
const slack = 2 * time.Millisecond

// arm sets the alarm for the first deadline of all calls here.
func (w *worker) arm() {
	w.mu.Lock()
	first := w.earliest
	w.mu.Unlock()
	if !first.IsZero() {
		w.alarm.Reset(max(time.Until(first), slack))
	}
}

// expireNow is the alarm.
func (w *worker) expireNow() {
	w.expire(time.Now())
	w.arm()
}

// expire answers the calls whose time is up, in order. One that is under way stays in the batch: its memory is in use.
func (w *worker) expire(now time.Time) {
	w.mu.Lock()
	early := w.earliest.IsZero() || now.Before(w.earliest)
	w.mu.Unlock()
	if early {
		return
	}
	w.answering.Lock()
	defer w.answering.Unlock()
	underWay, waiting := w.takeLate(now)
	for _, c := range underWay {
		c.given = true
		w.late(c)
	}
	for _, c := range waiting {
		w.late(c)
		w.p.released(c)
	}
}

func (w *worker) late(c *Call) {
	w.p.metrics.late.Inc()
	c.Done(c.Cmd, unavailable(c.trouble))
}

// takeLate finds what ran out of time, and removes it from the queue and the parked calls. answering is held.
func (w *worker) takeLate(now time.Time) (underWay, waiting []*Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.earliest = time.Time{}
	late := func(c *Call) bool {
		if !now.Before(c.Deadline) {
			return true
		}
		if w.earliest.IsZero() || c.Deadline.Before(w.earliest) {
			w.earliest = c.Deadline
		}
		return false
	}
	for _, c := range w.batch {
		if !c.given && late(c) {
			underWay = append(underWay, c)
		}
	}
	sift := func(calls []*Call) []*Call {
		return slices.DeleteFunc(calls, func(c *Call) bool {
			if late(c) {
				waiting = append(waiting, c)
				return true
			}
			return false
		})
	}
	for key, p := range w.parked {
		if p.calls = sift(p.calls); len(p.calls) == 0 {
			delete(w.parked, key)
		}
	}
	w.queue = sift(w.queue)
	return underWay, waiting
}
