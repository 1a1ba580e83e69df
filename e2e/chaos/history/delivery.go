package history

import (
	"slices"
	"time"
)

// delivered takes in one delivery: it must be from a peer that is there, for this member, in order, and not here already.
func (c *checker) delivered(v *view, e Event) {
	c.verdict.Delivered++
	v.heard[e.Peer] = e.At
	switch {
	case v.isDead(e):
		c.broken(Presence, e, "received %s from %.8s, which is gone", e.Message, e.Peer)
	case !v.on(e.Conn)[e.Peer]:
		c.broken(Presence, e, "received %s from %.8s, which was never announced", e.Message, e.Peer)
	}
	m := c.messages[e.Message]
	if m == nil {
		c.broken(Delivery, e, "received %s, which was never sent", e.Message)
		return
	}
	from, to := c.members[m.sent.Member], c.members[e.Member]
	if !from.hasPeer(to) {
		c.broken(Delivery, e, "received %s, which is for a peer of %s", e.Message, m.sent.Member)
		return
	}
	c.owner[e.Peer] = m.sent.Member
	c.repeated(m, e)
	c.ordered(v, m, e)
	m.delivered = append(m.delivered, e)
}

// repeated: a sender that lost its session sends what was not answered again, under its new one: that is another message.
func (c *checker) repeated(m *message, e Event) {
	to := c.members[e.Member]
	for _, before := range m.delivered {
		if before.Peer != e.Peer {
			continue
		}
		// A client whose token was revoked is another member when it comes back. Until its session is ended, it finds that.
		if to.Kept && (before.Conn != e.Conn || before.Member != e.Member) {
			c.verdict.Again++
			return
		}
		c.verdict.Duplicated++
		c.broken(Delivery, e, "received %s again, first on connection %d", e.Message, before.Conn)
		c.verdict.Violations[len(c.verdict.Violations)-1].First = before.At
		return
	}
}

// ordered compares with what came last from the same sender: over all connections, or where a replay may repeat
// something, on this one.
func (c *checker) ordered(v *view, m *message, e Event) {
	k := channel{peer: e.Peer}
	if c.members[e.Member].Kept {
		k.conn = e.Conn
	}
	if last, ok := v.newest[k]; ok && m.index < last.index {
		c.verdict.OutOfOrder++
		c.broken(Order, e, "received %s after %s, which was sent later", e.Message, last.sent.Message)
		return
	}
	v.newest[k] = m
}

// expired takes in that a message is not delivered any more: it had a TTL, that is over, and a connection is told once.
func (c *checker) expired(m *message, e Event) {
	switch {
	case m.sent.TTL == 0:
		c.broken(Delivery, e, "is told that the TTL of %s is over, which had none", e.Message)
	case e.At < m.sent.At+m.sent.TTL-clocks:
		c.broken(Delivery, e, "is told after %v that the TTL of %s is over, which was %v", e.At-m.sent.At, e.Message, m.sent.TTL)
	case m.expired == e.Conn:
		c.broken(Delivery, e, "is told twice that the TTL of %s is over", e.Message)
	case c.provenAcked(m, e):
		c.broken(Delivery, e, "is told that the TTL of %s is over, but it was acknowledged", e.Message)
	}
	m.told, m.expired = true, e.Conn
}

// clocks is how far the clocks of clients and Redis may be apart: they are one, but Redis counts milliseconds.
const clocks = time.Millisecond

// deliveries judges a message when all is over.
func (c *checker) deliveries(m *message) {
	if m.confirmed == nil || len(m.delivered) > 0 {
		return
	}
	target := m.sent.Peer
	sender := c.views[m.sent.Member]
	receiver, known := c.views[c.owner[target]], c.owner[target] != ""
	told, heard := sender.gone[target]
	switch {
	case m.told:
		c.verdict.Told++
	case heard && told > m.sent.At && c.goneIsEnough(m):
		c.verdict.Told++
	case c.replaced(m):
		c.verdict.Told++
	case c.senderEnded(m) && (!known || receiver.opened > m.sent.At || receiver.left > 0):
		c.verdict.Told++ // it left: what it said is not replayed (rule S1.3), and there is no sender to tell
	case c.senderEnded(m) && c.writtenIsEnough(m):
		c.verdict.Told++ // it left before it could be told
	case c.leftBeforeItExpired(m):
		c.verdict.Told++
	default:
		c.verdict.Lost++
		c.broken(Delivery, *m.confirmed, "was told that %s is stored for %.8s; it was never delivered, and the sender was not told", m.sent.Message, target)
		c.verdict.Violations[len(c.verdict.Violations)-1].Lost = true
	}
}

// goneIsEnough: a plain sender can be told no more than that its peer is gone; and what was written to a plain client
// that is not kept counts as delivered (rule S2.7).
func (c *checker) goneIsEnough(m *message) bool {
	return c.members[m.sent.Member].Plain || c.writtenIsEnough(m)
}

func (c *checker) writtenIsEnough(m *message) bool {
	owner, known := c.members[c.owner[m.sent.Peer]]
	return !known || owner.Plain && !owner.Kept
}

// replaced: a newer peer has come since, and the sender knows that one. A plain client is not told of the end of a window then (rule
// S2.8); to it the newcomer is a new beginning.
func (c *checker) replaced(m *message) bool {
	if !c.members[m.sent.Member].Plain {
		return false
	}
	for id, since := range c.views[m.sent.Member].known {
		if since > m.sent.At && id != m.sent.Peer {
			return true
		}
	}
	return false
}

// senderEnded tells whether the session that sent m has ended since.
func (c *checker) senderEnded(m *message) bool {
	s := c.views[m.sent.Member]
	return s.left > m.sent.At || s.fresh > m.sent.At
}

// expiryIsTold is how long after the end of its TTL the sender of a message may have to wait until it is told, while something is broken.
const expiryIsTold = 30 * time.Second

// leftBeforeItExpired tells whether m had a TTL, and the session that sent it ended before its client had to be told that it is over. (That
// something that was sent later has arrived does not say that m should have: unlike other messages it may have been too late.)
func (c *checker) leftBeforeItExpired(m *message) bool {
	if m.sent.TTL == 0 {
		return false
	}
	by := m.sent.At + m.sent.TTL + expiryIsTold
	s := c.views[m.sent.Member]
	within := func(ended time.Duration) bool { return ended > m.sent.At && ended <= by }
	return within(s.left) || within(s.fresh)
}

// LeftUnread returns when a message was sent, and when its sender's session ended; ok is false when it goes on, or something arrived that the sender sent
// to the same peer later. A receiver that has not read the message by then does not get it: everything from a sender that has left since is left out of what a
// mailbox holds (rule S1.3), and there is no client that could be told. Check allows for that where the receiver has come back since; that one was
// there and could not read, because it was stalled or Redis was away, only the test can know.
func LeftUnread(events []Event, message string) (sent, ended time.Duration, ok bool) {
	at := slices.IndexFunc(events, func(e Event) bool { return e.Kind == Sent && e.Message == message })
	if at < 0 {
		return 0, 0, false
	}
	first, later := events[at], map[string]bool{}
	for _, e := range events[at+1:] {
		switch own := e.Member == first.Member; {
		case own && e.Kind == Sent && e.Peer == first.Peer:
			later[e.Message] = true
		case e.Kind == Delivered && later[e.Message]:
			return 0, 0, false
		case own && ended == 0 && (e.Kind == Left || e.Kind == Vanished || e.Kind == Opened && !e.Resumed):
			ended = e.At
		}
	}
	return first.At, ended, ended > 0
}

// provenAcked: the receiver acknowledged m, or something later from the same sender, and then left in good order.
func (c *checker) provenAcked(m *message, told Event) bool {
	for _, d := range m.delivered {
		v := c.views[d.Member]
		if v.left > 0 && v.left < told.At && v.acked != nil && v.acked.index >= m.index {
			return true
		}
	}
	return false
}
