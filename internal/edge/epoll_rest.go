//go:build linux && !gnet

package edge

import "time"

// moderation lets a busy loop rest before it looks at its sockets, so that one wake serves several of them; network cards
// hold back their interrupts in the same way. Waking an idle process costs more than all that a message costs otherwise. A
// loop that has little to do, or so much that it is never idle, does not rest: what is alone is served at once.
//
//	messages a second, of one loop   rests       and serves
//	below 500                        not at all  what there is
//	500 to 2,000                     4 ms        2 to 8
//	above                            less        8
//
// Pongs and new connections count as messages do. What brings nothing that can be handed over, a byte that trickles in, does not: it
// must not hold up the others. Only what comes in waits. What goes out while the loop rests is written without it (see writeThrough).
type moderation struct {
	looked time.Time     // when there was something
	gap    time.Duration // between two messages, smoothed
}

const (
	longestRest = 4 * time.Millisecond
	fewestSaved = 2 // messages: a rest that serves fewer is not worth its latency
	mostSaved   = 8 // messages: more together save little more
	// smoothed is how many messages count: a negotiation's burst alone does not make a loop busy.
	smoothed = 32
	idleGap  = time.Second
)

func newModeration() moderation { return moderation{looked: time.Now(), gap: idleGap} }

// pause is how long to rest from now.
func (m *moderation) pause(now time.Time) time.Duration {
	if fewestSaved*m.gap > longestRest {
		return 0
	}
	return min(longestRest, mostSaved*m.gap) - now.Sub(m.looked)
}

// saw counts what a look at now has found.
func (m *moderation) saw(messages int, now time.Time) {
	if messages == 0 {
		return
	}
	gap := min(now.Sub(m.looked)/time.Duration(messages), idleGap)
	m.gap += (gap - m.gap) * time.Duration(min(messages, smoothed)) / smoothed
	m.looked = now
}
