package signaling

import (
	"slices"
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// Order: every message names the one before it, and Redis stores it only if that one was answered for good
// (streams/lua/send.lua). So whatever becomes of a message, refused, given up or carried out late, those behind it never overtake
// it. What is left to do here is to know which message is the one before.
//
// A rejoin.v1 client sends again what was not stored, and all behind it, in the same order. So the message before another one is the
// one before it in that order, however often both were sent. A plain client has been told that the message failed: its next one
// begins the order anew.

// chain is what a rejoin.v1 client sent on this connection, in the client's order, while there is something among it that was not answered
// for good.
type chain struct {
	links []link
	// done is the fingerprint of the last message that was answered for good; 0: there is none, or Redis may have lost it.
	done uint64
}

// link is one message of a chain.
type link struct {
	print    uint64
	until    time.Time // since it failed: when it is given up
	tries    uint16    // how often the client sent it
	inflight uint16    // how many of these Redis has not answered yet
	fate     fate
}

// fate is what is known of a message.
type fate uint8

const (
	unknown fate = iota
	implied      // one behind it was answered for good, so it had been, too: only its answer was lost
	final        // for good; the client may not have read that yet, and send it again
)

// maxChain bounds a chain. Clients keep at most 32 messages without an answer (rule R3.7).
const maxChain = 64

// follow counts a message in. It returns its fingerprint and that of the message before it, 0 if there is none that
// matters. The shard is locked.
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

// sendFailed notes that a message was not stored. The shard is locked.
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

// reads is within how long a client reads what it is told, or is closed as lost because it answers no pings either. One that has not sent a
// message again by then is not going to.
func (a *Attachment) reads() time.Duration {
	return 2*a.hub.cfg.PingInterval + a.hub.backbone.CallTimeout()
}

// sendAnswered notes that a message was answered for good. The shard is locked.
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
		return 0 // what came before it does not matter. With the last one as the one before it Redis would take it for a new one
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

// dropAbandoned removes those before the ith that the client has given up, and returns how many there were. A client that sends again begins
// with the first that it has no answer to: so one that was sent less often than a later one is not waited for.
func (c *chain) dropAbandoned(i int, tries uint16) int {
	before, n := len(c.links), 0
	c.links = slices.DeleteFunc(c.links, func(l link) bool {
		n++
		return n <= i && l.fate == unknown && l.inflight == 0 && l.tries < tries
	})
	return before - len(c.links)
}

// forget removes those that were not sent again in time, and the oldest of too many.
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

// predecessorLost: Redis does not have the message before one that it refused. If it had confirmed that, it lost it, and there is nothing to wait for.
func (c *chain) predecessorLost(before uint64) {
	if before == c.done {
		c.done = 0
	}
}

// failed: it will be sent again, unless the client gives it up.
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
