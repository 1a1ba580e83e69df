//go:build linux

package scenario

import (
	"net/netip"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// pairsConfig is what one loop's share of the pairs is like.
type pairsConfig struct {
	run      string
	first    int // pair
	count    int // pairs
	dialect  traffic.Dialect
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
	clients []client // of pair i: 2i the extension, 2i+1 the wallet
	letters [2]traffic.Letters
	tally   traffic.Tally
	cause   cause
	known   int           // clients that know their peer
	ready   chan struct{} // closed when all do, or a connection failed
	window  *window       // nil while nothing is sent
	nextAck int64
}

func newPairs(c pairsConfig, began time.Time) (*pairs, error) {
	p := &pairs{
		pairsConfig: c, clients: make([]client, 2*c.count), ready: make(chan struct{}), nextAck: swarm.Never,
		letters: [2]traffic.Letters{traffic.Extension: traffic.NewLetters(traffic.Extension), traffic.Wallet: traffic.NewLetters(traffic.Wallet)},
	}
	p.ramp = ramp{total: len(p.clients), limit: c.pending, dial: p.dial}
	var err error
	p.loop, err = swarm.New(began, p)
	return p, err
}

func (p *pairs) dial(i int, _ int64) error {
	n := 2*p.first + i
	role := traffic.Role(i % 2)
	// The wallet is on the instance after the extension's.
	addr := p.servers[(n/2+i%2)%len(p.servers)]
	request := swarm.Request(addr.String(), traffic.Target(p.run, n/2, role), p.dialect.Protocols())
	c, err := p.loop.Dial(addr, swarm.Source(n), request, p, i)
	p.clients[i].conn = c
	return err
}

// sender is a client's number in all loops, as its stamps have it.
func (p *pairs) sender(i int) uint16 { return uint16(2*p.first + i) }

// Tick implements swarm.Driver.
func (p *pairs) Tick(now int64) int64 {
	next := p.ramp.tick(now)
	if now >= p.nextAck {
		p.ackOld(now)
		p.nextAck = now + ackLook
	}
	next = min(next, p.nextAck)
	if p.window != nil {
		next = min(next, p.tickWindow(now))
	}
	return next
}

// Opened implements swarm.Handler.
func (p *pairs) Opened(*swarm.Conn) { p.ramp.settled() }

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
	switch traffic.KindOf(b) {
	case traffic.Data:
		p.receive(c, conn.Tag, b)
	case traffic.Confirmation:
		p.confirm(c, conn.Tag, b)
	case traffic.Refusal:
		p.tally.Refused++
		p.cause.note(string(b))
		c.confirmed++
		p.answered(conn.Tag)
	case traffic.PeerIsHere, traffic.Session:
		p.meet(c, b)
	default:
		p.unexpected(b)
	}
}

func (p *pairs) unexpected(b []byte) {
	p.tally.Unexpected++
	p.cause.note(string(b))
}

// meet takes the peer's ID. A session frame of somebody who came first has none.
func (p *pairs) meet(c *client, b []byte) {
	id := traffic.Field(b, "remoteClientId")
	switch {
	case len(id) == 0:
		return
	case c.known || len(id) != len(c.target):
		p.unexpected(b)
		return
	}
	copy(c.target[:], id)
	c.known = true
	if p.known++; p.known == len(p.clients) {
		if p.dialect == traffic.RejoinV1 {
			p.nextAck = p.loop.Now() + ackLook
		}
		p.meetingOver()
	}
}

// meetingOver tells whoever waits that all know their peers, or that some never will.
func (p *pairs) meetingOver() {
	select {
	case <-p.ready:
	default:
		close(p.ready)
	}
}

func (p *pairs) receive(c *client, i int, b []byte) {
	now := p.loop.Now()
	s, ok := traffic.DataStamp(b)
	switch {
	case !ok:
		p.unexpected(b)
		return
	case s.Sender != p.sender(i^1):
		p.tally.Misdirected++
		return
	}
	c.ledger.Take(s.Seq, &p.tally)
	p.window.received(s, now)
	if p.dialect == traffic.RejoinV1 {
		if !c.acknowledge(traffic.EntryID(b), now) {
			p.tally.Unexpected++
		}
	}
}

func (p *pairs) confirm(c *client, i int, b []byte) {
	s, ok := traffic.ConfirmedStamp(b)
	if !ok || s.Seq != c.confirmed { // answers of one kind come in the order of the messages, P5.5
		p.unexpected(b)
	}
	c.confirmed++
	p.tally.Confirmed++
	p.window.confirmed(s, p.loop.Now())
	p.answered(i)
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
	c.conn.Send(p.letters[i%2].Fill(s, &c.target))
	c.seq++
	p.tally.Sent++
	p.window.sent(due, now)
}

// ackOld acknowledges what has waited for a second.
func (p *pairs) ackOld(now int64) {
	for i := range p.clients {
		p.clients[i].ackOld(now)
	}
}

// result is what a loop found in a window.
type result struct {
	tally                          traffic.Tally // of all windows so far
	delivered                      uint64
	oneWay, written, confirm, late report.Histogram
}
