//go:build linux

package scenario

import "github.com/rejoin-dev/rejoin/tools/loadtest/swarm"

// ramp opens connections one after the other: at a rate or as fast as they are accepted, and never more at once than it
// may. It belongs to a loop.
type ramp struct {
	total    int
	limit    int                          // most at once
	interval int64                        // nanoseconds from one to the next; 0: none
	dial     func(i int, due int64) error // due is when the i-th should have been dialled

	next    int // to be dialled
	pending int
	due     int64
	err     error // what dialling failed with; ends the ramp
}

// begin starts at that time.
func (r *ramp) begin(now int64) { r.due = now }

// settled is called when a connection that was being opened is open, or failed.
func (r *ramp) settled() { r.pending-- }

// tick dials what is due and returns when to call it again.
func (r *ramp) tick(now int64) int64 {
	for r.err == nil && r.next < r.total && r.pending < r.limit && r.due <= now {
		due := now
		if r.interval > 0 {
			due = r.due
			r.due += r.interval
		}
		i := r.next
		r.next++
		r.pending++
		r.err = r.dial(i, due)
	}
	if r.err != nil || r.next == r.total || r.pending >= r.limit {
		return swarm.Never
	}
	return r.due
}
