package pipeline

import (
	"slices"
	"time"
)

// slack keeps the alarm from going off for each call of a moment by itself.
const slack = 2 * time.Millisecond

// arm sets the alarm for the first deadline of all calls here. A call that comes with an earlier one sets it anew, see put.
func (w *worker) arm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = true
	w.set()
}

// set sets the alarm if there is anything to wait for. mu is held.
func (w *worker) set() {
	if !w.earliest.IsZero() {
		w.alarm.Reset(max(time.Until(w.earliest), slack))
	}
}

func (w *worker) disarm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = false
	w.alarm.Stop()
}

// expireNow is the alarm.
func (w *worker) expireNow() {
	w.expire(time.Now())
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.armed {
		w.set()
	}
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
		c.answered = true
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
		if !c.answered && late(c) {
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
