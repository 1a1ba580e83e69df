package signaling

import (
	"slices"
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// Order: every message names its predecessor, and Redis stores it only if the predecessor has its final answer (streams/lua/send.lua). So
// whether a message is refused, given up or stored late, later ones never overtake it. The code here only has to know each message's
// predecessor.
//
// A rejoin.v1 client resends a message that was not stored, and all later ones, in the same order. So a message's predecessor is the one
// before it in that order, however often both were sent. A plain client is told that the message failed: its next one starts a new order.

// chain is the messages that a rejoin.v1 client sent on this connection, in the client's order, as long as one of them has no final answer.
type chain struct {
	links []link
	// done is the fingerprint of the last message with a final answer; 0: there is none, or Redis may have lost it.
	done uint64
}

// link is one message of a chain.
type link struct {
	print    uint64
	until    time.Time // set when it failed: when to give it up
	tries    uint16    // how often the client sent it
	inflight uint16    // attempts not yet answered by Redis
	fate     fate
}

// fate is the known state of a message.
type fate uint8

const (
	unknown fate = iota
	implied      // a later one has its final answer, so this one had too: only its answer was lost
	final        // final; the client may not have read that yet, and may resend it
)

// maxChain bounds a chain. Clients keep at most 32 messages without an answer (rule R3.7).
const maxChain = 64

// follow adds a message. It returns its fingerprint and its predecessor's, 0 if none matters. The shard is locked.
func (a *Attachment) follow(m wire.Message, target wire.ClientID) (print, before uint64) {
	if a.dialect != wire.RejoinV1 {
		if a.sends > 0 && !a.orderAnew {
			before = a.plainPrint(a.sends)
		}
		a.sends++
		a.orderAnew = false
		return a.plainPrint(a.sends), before
	}
	a.sends++
	print = fingerprint(m.RequestID, target)
	return print, a.ensureExtra().chain.follow(print)
}

// sendFailed records that a message was not stored. The shard is locked.
func (a *Attachment) sendFailed(p *inflight, o streams.Outcome) {
	switch {
	case a.dialect != wire.RejoinV1:
		a.orderAnew = true
	case a.state != live:
	default:
		c := &a.ensureExtra().chain
		if o == streams.OutOfOrder {
			c.predecessorLost(p.before)
		}
		c.failed(p.print, time.Now().Add(a.reads()))
	}
}

// reads is the time within which a client reads its answers, or is closed as lost because it does not answer pings either. If it has not
// resent a message by then, it will not.
func (a *Attachment) reads() time.Duration {
	return 2*a.hub.cfg.PingInterval + a.hub.backbone.CallTimeout()
}

// sendAnswered records a message's final answer. The shard is locked.
func (a *Attachment) sendAnswered(p *inflight) {
	if a.state == live && a.dialect == wire.RejoinV1 {
		a.ensureExtra().chain.answered(p.print)
	}
}

// follow adds an attempt and returns the fingerprint of the message before it.
func (c *chain) follow(print uint64) (before uint64) {
	i := c.find(print)
	if i < 0 {
		c.forget()
		i = len(c.links)
		c.links = append(c.links, link{print: print})
	}
	l := &c.links[i]
	l.tries++
	l.inflight++
	if l.fate != unknown {
		return 0 // its predecessor does not matter. If it named the last message as predecessor, Redis would take it for a new one
	}
	if tries := l.tries; tries > 1 {
		i -= c.dropAbandoned(i, tries)
	}
	for i--; i >= 0; i-- {
		if c.links[i].fate == unknown {
			return c.links[i].print
		}
	}
	return c.done
}

// dropAbandoned removes messages before the ith that the client has given up, and returns how many there were. A client resends from its
// first unanswered message, so one sent less often than a later one has been given up.
func (c *chain) dropAbandoned(i int, tries uint16) int {
	before, n := len(c.links), 0
	c.links = slices.DeleteFunc(c.links, func(l link) bool {
		n++
		return n <= i && l.fate == unknown && l.inflight == 0 && l.tries < tries
	})
	return before - len(c.links)
}

// forget removes messages that were not resent in time, and the oldest beyond the limit.
func (c *chain) forget() {
	if len(c.links) == 0 {
		return
	}
	now, surplus := time.Now(), len(c.links)-maxChain+1
	c.links = slices.DeleteFunc(c.links, func(l link) bool {
		surplus--
		return surplus >= 0 && (l.fate != unknown || l.inflight == 0) || l.fate != final && l.inflight == 0 && now.After(l.until)
	})
}

// predecessorLost: Redis refused a message because it does not have its predecessor. If Redis had confirmed the predecessor, it lost it,
// and there is nothing to wait for.
func (c *chain) predecessorLost(before uint64) {
	if before == c.done {
		c.done = 0
	}
}

// failed: it will be resent, unless the client gives it up.
func (c *chain) failed(print uint64, until time.Time) {
	if i := c.find(print); i >= 0 && c.links[i].inflight > 0 {
		c.links[i].inflight--
		c.links[i].until = until
	}
}

// answered: a later one may be stored.
func (c *chain) answered(print uint64) {
	i := c.find(print)
	if i < 0 {
		return
	}
	if c.links[i].fate == unknown {
		c.done = print
		for j := range i {
			c.links[j].fate = max(c.links[j].fate, implied)
		}
	}
	c.links[i].fate = final
	if !slices.ContainsFunc(c.links, func(l link) bool { return l.fate != final }) {
		c.links = c.links[:0]
	}
}

func (c *chain) find(print uint64) int {
	return slices.IndexFunc(c.links, func(l link) bool { return l.print == print })
}
