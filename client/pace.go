package client

import "time"

// paceWindow is a little longer than the server's (rule P7.3), because frames can arrive closer together than they left.
const paceWindow = 1100 * time.Millisecond

// pace keeps a connection below the server's rate limit: at most limit frames leave within any paceWindow,
// wherever the server's own window begins. It belongs to one goroutine.
type pace struct {
	limit int
	// left holds the times of the last frames, as offsets from the start of the connection. Once full, the oldest is at next.
	left []time.Duration
	next int
}

// wait is how long the next frame has to wait at now; 0 if it may leave.
func (p *pace) wait(now time.Duration) time.Duration {
	if p.limit <= 0 || len(p.left) < p.limit {
		return 0
	}
	return max(0, p.left[p.next]+paceWindow-now)
}

// note records that a frame leaves at now.
func (p *pace) note(now time.Duration) {
	switch {
	case p.limit <= 0:
	case len(p.left) < p.limit:
		p.left = append(p.left, now)
	default:
		p.left[p.next] = now
		p.next = (p.next + 1) % p.limit
	}
}
