package history

import (
	"fmt"
	"slices"
	"time"
)

// Law is one of the five.
type Law string

// The laws, see the package.
const (
	Delivery Law = "delivery"
	Order    Law = "order"
	Presence Law = "presence"
	End      Law = "end"
	Fence    Law = "fence"
)

// Violation is a law that was broken, and how.
type Violation struct {
	Law  Law
	At   time.Duration
	Text string
	// Message and Peer are what it is about, if it is about one.
	Message, Peer string
	// Lost: Message was confirmed, at that moment, and lost.
	Lost bool
	// First is when Message was delivered before, if it was delivered twice.
	First time.Duration
}

func (v Violation) String() string {
	return fmt.Sprintf("%s at %.3f s: %s", v.Law, v.At.Seconds(), v.Text)
}

// Verdict is what a history amounts to. Lost, Duplicated and OutOfOrder are violations too.
type Verdict struct {
	Sent, Confirmed, Delivered int
	// Lost were confirmed and never delivered, and neither side was told.
	Lost int
	// Told were confirmed and not delivered, and the sender was told: by name, by name among what may be lost, that the receiver is gone, or (plain) that it
	// has come back as a new client.
	Told int
	// Duplicated came twice where once was promised. Again came twice where at least once is promised (plain, kept).
	Duplicated, Again int
	OutOfOrder        int
	Violations        []Violation
}

// message is what became of one message.
type message struct {
	index     int // of its Sent among all events
	sent      Event
	confirmed *Event
	delivered []Event
	told      bool // by name
	expired   int  // the connection that was told so last, 0 for none
}

// checker goes through a history once, and then looks at what is left open.
type checker struct {
	members  map[string]Member
	messages map[string]*message
	order    []*message        // as sent
	owner    map[string]string // client ID → member, as far as anyone can tell
	views    map[string]*view  // by member
	verdict  Verdict
}

// Check judges a history whose members are all back and have exchanged messages since settled, on the history's clock:
// a peer that is believed to be there without having said anything since is a ghost.
func Check(members []Member, events []Event, settled time.Duration) Verdict {
	c := &checker{
		members: map[string]Member{}, messages: map[string]*message{}, owner: map[string]string{}, views: map[string]*view{},
	}
	for _, m := range members {
		c.members[m.Name] = m
		c.views[m.Name] = newView()
	}
	for i, e := range events {
		c.step(i, e)
	}
	c.fences(events)
	for _, m := range c.order {
		c.deliveries(m)
	}
	for _, m := range members {
		c.ghosts(m, settled)
	}
	slices.SortStableFunc(c.verdict.Violations, func(a, b Violation) int { return int(a.At - b.At) })
	return c.verdict
}

func (c *checker) broken(law Law, e Event, format string, args ...any) {
	text := fmt.Sprintf("%s (connection %d) ", e.Member, e.Conn) + fmt.Sprintf(format, args...)
	c.verdict.Violations = append(c.verdict.Violations, Violation{Law: law, At: e.At, Text: text, Message: e.Message, Peer: e.Peer})
}

// step takes in one event.
func (c *checker) step(i int, e Event) {
	v := c.views[e.Member]
	switch e.Kind {
	case Opened:
		if e.Self != "" {
			c.owner[e.Self] = e.Member
		}
		c.opened(v, e)
	case Fenced:
		v.fenced(e)
	case Sent:
		c.verdict.Sent++
		m := &message{index: i, sent: e}
		c.messages[e.Message] = m
		c.order = append(c.order, m)
	case Confirmed:
		c.verdict.Confirmed++
		if m := c.messages[e.Message]; m == nil {
			c.broken(Delivery, e, "is told that %s is stored, which was never sent", e.Message)
		} else {
			m.confirmed = &e
		}
	case Delivered:
		if !e.Repeat {
			c.delivered(v, e)
		}
	case Undelivered:
		if m := c.messages[e.Message]; m != nil {
			m.told = true
			if c.provenAcked(m, e) {
				c.broken(Delivery, e, "is told that %s was not delivered, but it was acknowledged", e.Message)
			}
		}
	case Expired:
		if m := c.messages[e.Message]; m != nil {
			c.expired(m, e)
		}
	case Doubted:
		if m := c.messages[e.Message]; m != nil && m.confirmed != nil {
			m.told = true
		}
	case Announced:
		c.announced(v, e)
	case Gone:
		c.gone(v, e)
	case Left:
		v.left = e.At
	case Vanished:
		v.left, v.acked = e.At, nil // what it acknowledged last may not have arrived
	case Acked:
		if m := c.messages[e.Message]; m != nil && v.left == 0 {
			v.acked = m
		}
	case Refused, Unanswered:
	}
}

// fences looks for connections that went on after a newer one of the same session had opened.
func (c *checker) fences(events []Event) {
	type key struct {
		member string
		conn   int
	}
	sessions := map[key]string{}      // rejoin.v1: which session a connection has
	newest := map[string]Event{}      // by session: its newest connection
	fenced := map[key]time.Duration{} // since when
	sentOn := map[string]key{}        // message → connection
	for _, e := range events {
		k := key{e.Member, e.Conn}
		switch e.Kind {
		case Opened:
			if e.Self == "" {
				continue
			}
			if old, ok := newest[e.Self]; ok && old.Conn != e.Conn && (e.Began == 0 || e.Began > old.At) {
				fenced[key{old.Member, old.Conn}] = e.At
			}
			sessions[k], newest[e.Self] = e.Self, e
		case Sent:
			sentOn[e.Message] = k
		case Confirmed:
			on := sentOn[e.Message]
			if since, ok := fenced[on]; ok && on == k && c.messages[e.Message].sent.At > since {
				c.broken(Fence, e, "sent %s after its session had moved on, and it was confirmed", e.Message)
			}
		case Delivered:
			m := c.messages[e.Message]
			if since, ok := fenced[k]; ok && m != nil && m.sent.At > since {
				c.broken(Fence, e, "received %s, sent after its session had moved on", e.Message)
			}
		default:
		}
	}
}
