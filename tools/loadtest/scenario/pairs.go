//go:build linux

package scenario

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/protocol"
	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// pairsConfig is what one loop's share of the pairs is like.
type pairsConfig struct {
	run      string
	first    int // pair
	count    int // pairs
	protocol protocol.Name
	pending  int
	servers  []netip.AddrPort
	inflight int // messages that a sender of a closed loop has unconfirmed
}

// pairs is one loop's extensions and wallets: the driver and handler of the relay load.
//
//	connect ──► ready ──► window: warm-up ─ measured ─ drained ──► ready ──► …
type pairs struct {
	pairsConfig
	loop    *swarm.Loop
	ramp    ramp
	clients []pairClient // of pair i: 2i the extension, 2i+1 the wallet
	letters [2]traffic.Letters
	tally   traffic.Tally
	cause   cause
	known   int           // clients that know their peer
	ready   chan struct{} // closed when all do, or a connection failed
	window  *window       // nil while nothing is sent
	nextAck int64
}

// pairClient is one of a pair. It implements protocol.Listener.
type pairClient struct {
	protocol.Client
	pairs     *pairs
	i         int
	conn      *swarm.Conn
	known     bool   // messages can be sent
	seq       uint32 // of the next message
	confirmed uint32 // the next to be confirmed
	ledger    traffic.Ledger
}

func newPairs(c pairsConfig, began time.Time) (*pairs, error) {
	p := &pairs{
		pairsConfig: c, clients: make([]pairClient, 2*c.count), ready: make(chan struct{}), nextAck: swarm.Never,
		letters: [2]traffic.Letters{traffic.Extension: traffic.NewLetters(traffic.Extension), traffic.Wallet: traffic.NewLetters(traffic.Wallet)},
	}
	for i := range p.clients {
		role := traffic.Role(i % 2)
		p.clients[i] = pairClient{Client: protocol.New(c.protocol, c.run, c.first+i/2, role, &p.letters[role]), pairs: p, i: i}
	}
	p.ramp = ramp{total: len(p.clients), limit: c.pending, dial: p.dial}
	var err error
	p.loop, err = swarm.New(began, p)
	return p, err
}

func (p *pairs) dial(i int, _ int64) error {
	n := 2*p.first + i
	// The wallet is on the instance after the extension's.
	addr := p.servers[(n/2+i%2)%len(p.servers)]
	c, err := p.loop.Dial(addr, swarm.Source(n), p.clients[i].Upgrade(addr.String()), p, i)
	p.clients[i].conn = c
	return err
}

// sender is a client's number in all loops, as its stamps have it.
func (p *pairs) sender(i int) uint16 { return uint16(2*p.first + i) }

// Tick implements swarm.Driver.
func (p *pairs) Tick(now int64) int64 {
	next := p.ramp.tick(now)
	if now >= p.nextAck {
		for i := range p.clients {
			p.clients[i].Tick(p.clients[i].conn, now)
		}
		p.nextAck = now + ackLook
	}
	next = min(next, p.nextAck)
	if p.window != nil {
		next = min(next, p.tickWindow(now))
	}
	return next
}

// Opened implements swarm.Handler.
func (p *pairs) Opened(c *swarm.Conn) {
	p.ramp.settled()
	p.clients[c.Tag].Opened(c)
}

// Closed implements swarm.Handler.
func (p *pairs) Closed(c *swarm.Conn, end error) {
	p.cause.note(end.Error())
	if p.clients[c.Tag].known {
		p.tally.Disconnected++
		return
	}
	p.tally.Failed++
	p.ramp.settled()
	p.meetingOver()
}

// Message implements swarm.Handler.
func (p *pairs) Message(conn *swarm.Conn, b []byte) {
	c := &p.clients[conn.Tag]
	c.Read(conn, b, p.loop.Now(), c)
}

// Unexpected implements protocol.Listener.
func (c *pairClient) Unexpected(b []byte) {
	c.pairs.tally.Unexpected++
	c.pairs.cause.note(string(b))
}

// Ready implements protocol.Listener.
func (c *pairClient) Ready(protocol.Continuity) {
	p := c.pairs
	if c.known {
		c.Unexpected([]byte("told of the other one again"))
		return
	}
	c.known = true
	if p.known++; p.known == len(p.clients) {
		if p.protocol == protocol.RejoinV1 {
			p.nextAck = p.loop.Now() + ackLook
		}
		p.meetingOver()
	}
}

// Unready implements protocol.Listener.
func (c *pairClient) Unready() { c.Unexpected([]byte("the other one has left")) }

// GoAway implements protocol.Listener.
func (c *pairClient) GoAway(time.Duration) { c.Unexpected([]byte("asked to go away")) }

// meetingOver wakes the waiters: all users know their peers, or some never will.
func (p *pairs) meetingOver() {
	select {
	case <-p.ready:
	default:
		close(p.ready)
	}
}

// Message implements protocol.Listener.
func (c *pairClient) Message(s traffic.Stamp) {
	p := c.pairs
	if s.Sender != p.sender(c.i^1) {
		p.tally.Misdirected++
		return
	}
	c.ledger.Take(s.Seq, &p.tally)
	p.window.received(s, p.loop.Now())
}

// Confirmed implements protocol.Listener.
func (c *pairClient) Confirmed(s traffic.Stamp) {
	p := c.pairs
	if s.Seq != c.confirmed { // answers of one kind come in the order of the messages, P5.5
		c.Unexpected([]byte("confirmed out of order"))
	}
	c.confirmed++
	p.tally.Confirmed++
	p.window.confirmed(s, p.loop.Now())
	p.answered(c.i)
}

// Refused implements protocol.Listener.
func (c *pairClient) Refused(s traffic.Stamp, _ time.Duration) {
	c.pairs.tally.Refused++
	c.pairs.cause.note(fmt.Sprintf("message %d was refused", s.Seq))
	c.confirmed++
	c.pairs.answered(c.i)
}

// answered sends the next message of a closed loop.
func (p *pairs) answered(i int) {
	w := p.window
	if w == nil || w.interval > 0 {
		return
	}
	if now := p.loop.Now(); now < w.to {
		p.send(i, now)
	}
}

// send sends the next message of a client, which was due at some time.
func (p *pairs) send(i int, due int64) {
	c := &p.clients[i]
	if !c.conn.Open() {
		return
	}
	now := p.loop.Now()
	s := traffic.Stamp{Seq: c.seq, Sender: p.sender(i), Due: due, Written: now}
	c.Send(c.conn, s)
	c.seq++
	p.tally.Sent++
	p.window.sent(due, now)
}

// result is what a loop found in a window.
type result struct {
	tally                          traffic.Tally // of all windows so far
	delivered                      uint64
	oneWay, written, confirm, late report.Histogram
}
