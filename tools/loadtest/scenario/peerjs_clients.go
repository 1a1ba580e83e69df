//go:build linux

package scenario

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/fleet"
	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

const (
	// peerHeartbeat is how often npm peerjs says that it is there.
	peerHeartbeat = 5 * time.Second
	// peerReconnect is about how long an application waits in its listener of disconnected before it calls reconnect.
	peerReconnect = 500 * time.Millisecond
)

// peers are clients as npm peerjs is one: each has an id and a token, which it keeps, says a heartbeat every five seconds, and sends when its
// socket is open. Neighbours (0 and 1, 2 and 3, …) send to each other, through different instances where there are two. Its application calls
// reconnect when it is disconnected. Its methods may be called on the loop only, but for open, do, settled and stop.
type peers struct {
	loop    *swarm.Loop
	ended   chan error
	servers []netip.AddrPort
	run     string
	pending int
	clients []peer

	// connecting
	dialing, next, opened int
	allOpen               chan struct{}
	waiting               []comeback

	// sending
	senders  int
	interval int64 // 0: nothing is due
	due      int64
	turn     int
	answers  bool
	beat     int64 // when the next heartbeat is due
	beating  int   // whose it is
	out      []byte

	// found
	tally      traffic.Tally
	latency    report.Histogram
	silence    int64 // the longest that one went without a message while its neighbour was to send
	reconnects int
	expired    int
	cause      string
}

type peer struct {
	conn                 *swarm.Conn
	server               int
	upgraded, open, away bool
	sent                 uint32
	heard                int64 // when a message came
	books                traffic.Ledger
}

// comeback is a client that connects again some time.
type comeback struct {
	at int64
	i  int
}

func newPeers(f *fleet.Fleet, count, pending int) (*peers, error) {
	p := &peers{
		run: strconv.FormatInt(time.Now().UnixNano(), 36), pending: pending, clients: make([]peer, count), next: count, allOpen: make(chan struct{}),
		latency: report.NewHistogram(), ended: make(chan error, 1),
	}
	for _, s := range f.Servers {
		p.servers = append(p.servers, s.Addr)
	}
	for i := range p.clients {
		p.clients[i].server = i % len(p.servers)
	}
	var err error
	if p.loop, err = swarm.New(time.Now(), p); err != nil {
		return nil, err
	}
	go func() { p.ended <- p.loop.Run() }()
	return p, nil
}

func (p *peers) stop() error {
	p.loop.Stop()
	return <-p.ended
}

func (p *peers) do(ctx context.Context, f func()) error { return p.loop.Do(ctx, f) }

// open connects all and returns how long it took until each had its OPEN.
func (p *peers) open(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	if err := p.do(ctx, func() { p.next, p.beat = 0, p.loop.Now(); p.dialMore() }); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	select {
	case <-p.allOpen:
		return time.Since(began), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("not all %d clients are open: %s", len(p.clients), p.cause)
	}
}

func (p *peers) dialMore() {
	for p.next < len(p.clients) && p.dialing < p.pending {
		p.dial(p.next)
		p.next++
	}
}

func (p *peers) dial(i int) {
	c := &p.clients[i]
	to := p.servers[c.server]
	target := fmt.Sprintf("/peerjs?key=peerjs&id=%s-%d&token=t%d&version=1.5.5", p.run, i, i)
	conn, err := p.loop.Dial(to, swarm.Source(i), swarm.Request(to.String(), target, ""), p, i)
	if err != nil {
		p.cause = err.Error()
		p.later(i, peerReconnect)
		return
	}
	c.conn, c.upgraded, c.open, c.away = conn, false, false, false
	p.dialing++
}

// later has a client connect again, to the next instance.
func (p *peers) later(i int, after time.Duration) {
	c := &p.clients[i]
	c.server = (c.server + 1) % len(p.servers)
	p.waiting = append(p.waiting, comeback{p.loop.Now() + int64(after), i})
}

func (p *peers) Opened(c *swarm.Conn) {
	p.clients[c.Tag].upgraded = true
	p.dialing--
	p.dialMore()
}

func (p *peers) Closed(c *swarm.Conn, end error) {
	i := c.Tag
	was := &p.clients[i]
	if was.conn != c {
		return
	}
	if !was.upgraded {
		p.dialing--
	}
	was.conn, was.upgraded, was.open = nil, false, false
	p.cause = end.Error()
	p.later(i, peerReconnect/2+rand.N(peerReconnect))
}

func (p *peers) Message(c *swarm.Conn, b []byte) {
	i := c.Tag
	switch {
	case bytes.HasPrefix(b, []byte(`{"type":"OPEN"`)):
		p.clients[i].open = true
		if p.opened++; p.opened == len(p.clients) {
			close(p.allOpen)
		}
	case bytes.HasPrefix(b, []byte(`{"type":"EXPIRE"`)):
		p.expired++
	case bytes.HasPrefix(b, []byte(`{"type":"CANDIDATE"`)):
		p.take(i, b)
	default:
		p.tally.Unexpected++
		p.cause = string(b)
	}
}

// take enters a message, and answers it.
func (p *peers) take(i int, b []byte) {
	c, now := &p.clients[i], p.loop.Now()
	if p.interval > 0 {
		p.silence = max(p.silence, now-c.heard)
	}
	c.heard = now
	c.books.Take(uint32(number(b, `"n":`)), &p.tally)
	p.latency.Record(time.Duration(now - number(b, `"at":`)))
	if p.answers {
		p.send(i, now)
	}
}

// number returns the digits behind a name.
func number(b []byte, name string) (n int64) {
	for _, digit := range b[bytes.Index(b, []byte(name))+len(name):] {
		if digit < '0' || digit > '9' {
			break
		}
		n = 10*n + int64(digit-'0')
	}
	return n
}

// send sends a candidate, as long as Chromium's are, to the neighbour. Like the library it does so when the socket is open.
func (p *peers) send(i int, at int64) {
	c := &p.clients[i]
	if !c.upgraded || c.away {
		return
	}
	p.out = fmt.Appendf(p.out[:0], `{"type":"CANDIDATE","payload":{"candidate":{"candidate":"candidate:1560685521 1 udp 2113937151 `+
		`80759e6f-f156-41d9-b562-b561871fb732.local 59230 typ host generation 0 ufrag lNNY network-cost 999","sdpMid":"0","sdpMLineIndex":0,`+
		`"usernameFragment":"lNNY"},"type":"data","connectionId":"dc_ygjfkw1jkxs","at":%d,"n":%d},"dst":"%s-%d"}`, at, c.sent, p.run, i^1)
	c.sent++
	p.tally.Sent++
	c.conn.Send(p.out)
}

// paced has the first clients send by turns, one message each interval.
func (p *peers) paced(senders int, interval int64) {
	p.senders, p.interval, p.due, p.turn = senders, interval, p.loop.Now(), 0
	for i := range p.clients {
		p.clients[i].heard = p.due
	}
}

// answering has the first clients answer each message with one. So many are under way in each pair.
func (p *peers) answering(senders, inflight int) {
	p.answers = true
	for i := 0; i < senders; i += 2 {
		for range inflight {
			p.send(i, p.loop.Now())
		}
	}
}

// rest ends paced and answering.
func (p *peers) rest() {
	now := p.loop.Now()
	for i := 0; p.interval > 0 && i < p.senders; i++ {
		p.silence = max(p.silence, now-p.clients[i].heard)
	}
	p.interval, p.answers = 0, false
}

// loseNetwork has every other client lose its network for a while.
func (p *peers) loseNetwork(d time.Duration) {
	for i := 0; i < len(p.clients); i += 2 {
		c := &p.clients[i]
		if c.conn == nil {
			continue
		}
		if !c.upgraded {
			p.dialing--
		}
		c.conn.Abandon()
		c.conn, c.away, c.open = nil, true, false
		p.later(i, d)
	}
}

// shut is how many clients have not had OPEN on their current connection.
func (p *peers) shut() (n int) {
	for i := range p.clients {
		if !p.clients[i].open {
			n++
		}
	}
	return n
}

// Tick sends what is due.
func (p *peers) Tick(now int64) int64 {
	next := now + int64(50*time.Millisecond)
	for k := 0; k < len(p.waiting); {
		if w := p.waiting[k]; w.at <= now {
			p.waiting[k] = p.waiting[len(p.waiting)-1]
			p.waiting = p.waiting[:len(p.waiting)-1]
			p.reconnects++
			p.dial(w.i)
			continue
		}
		next = min(next, p.waiting[k].at)
		k++
	}
	if p.interval > 0 {
		for ; p.due <= now; p.due += p.interval {
			p.send(p.turn, p.due)
			p.turn = (p.turn + 1) % p.senders
		}
		next = min(next, p.due)
	}
	if p.opened >= len(p.clients) {
		every := int64(peerHeartbeat) / int64(len(p.clients))
		for ; p.beat <= now; p.beat += every {
			if c := &p.clients[p.beating]; c.upgraded && !c.away {
				c.conn.Send([]byte(`{"type":"HEARTBEAT"}`))
			}
			p.beating = (p.beating + 1) % len(p.clients)
		}
		next = min(next, p.beat)
	} else {
		p.beat = now
	}
	return next
}

// settled waits until all that was sent has come, or for so long, and returns the books.
func (p *peers) settled(ctx context.Context, patience time.Duration) (t traffic.Tally, err error) {
	for end := time.Now().Add(patience); ; {
		if err = p.do(ctx, func() { t = p.tally }); err != nil || t.Lost() == 0 || time.Now().After(end) {
			return t, err
		}
		if err = sleep(ctx, 50*time.Millisecond); err != nil {
			return t, err
		}
	}
}
