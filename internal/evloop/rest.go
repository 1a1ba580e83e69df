//go:build linux && !portable

package evloop

import "time"

// moderation lets a busy loop rest before it looks at its sockets, so that one wake serves several of them, as network cards hold back
// their interrupts. Waking an idle process costs more than everything else that a message costs. A loop that has little to do, or
// so much that it is never idle, does not rest: a single message is served at once.
//
//	messages a second, of one loop   rests       and serves
//	below 500                        not at all  what there is
//	500 to 2,000                     4 ms        2 to 8
//	above                            less        8
//
// Messages are what was counted by Served. Only input waits: output is written while the loop rests, without it (see Socket.TryWrite).
type moderation struct {
	looked time.Time     // when there last was something
	gap    time.Duration // between two messages, smoothed
}

const (
	longestRest = 4 * time.Millisecond
	fewestSaved = 2 // messages: a rest that serves fewer is not worth its latency
	mostSaved   = 8 // messages: more together save little more
	// smoothed is over how many messages the gap is averaged: the burst of one negotiation does not make a loop busy.
	smoothed = 32
	idleGap  = time.Second
)

func newModeration() moderation { return moderation{looked: time.Now(), gap: idleGap} }

// rest returns how long to rest from now.
func (m *moderation) rest(now time.Time) time.Duration {
	if fewestSaved*m.gap > longestRest {
		return 0
	}
	return min(longestRest, mostSaved*m.gap) - now.Sub(m.looked)
}

// saw records how many messages a look at that time has found.
func (m *moderation) saw(messages int, now time.Time) {
	if messages == 0 {
		return
	}
	gap := min(now.Sub(m.looked)/time.Duration(messages), idleGap)
	m.gap += (gap - m.gap) * time.Duration(min(messages, smoothed)) / smoothed
	m.looked = now
}
