package faultproxy

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
)

// Proxy accepts connections on a port of its own on 127.0.0.1 and forwards them to a target. All methods may be called
// concurrently.
type Proxy struct {
	listener *net.TCPListener
	ctx      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup // the accept loop, and two or four for every connection
	faults   atomic.Pointer[faults]

	mu sync.Mutex
	// guarded by mu
	target  string
	mode    mode // of connections to come
	refuse  bool
	conns   []*Conn // open, oldest first
	counts  Counts
	changed chan struct{} // closed and replaced when counts change
}

// Counts tells what a proxy has seen.
type Counts struct {
	// Accepted and Refused count connections since the start; Open is how many there are now.
	Accepted, Refused, Open int
	// Up and Down are bytes forwarded to the target and to clients.
	Up, Down int64
}

// Listen starts a proxy to the target, a "host:port". The caller must Close it.
func Listen(target string) (*Proxy, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	p := &Proxy{listener: l, target: target, changed: make(chan struct{})}
	p.faults.Store(&faults{over: make(chan struct{})})
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is the "host:port" to connect to.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// SetTarget changes where connections go that have not been forwarded yet.
func (p *Proxy) SetTarget(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Refuse makes new connections be reset as soon as they are accepted, or stops that.
func (p *Proxy) Refuse(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = on
}

// Silence makes all connections, and new ones, swallow everything both ways.
func (p *Proxy) Silence() {
	p.mu.Lock()
	p.mode = silent
	p.mu.Unlock()
	for _, c := range p.Conns() {
		c.Silence()
	}
}

// HoldNew makes new connections keep everything both ways until Conn.Release.
func (p *Proxy) HoldNew() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = holding
}

// PassNew makes new connections forward, and leaves those that are there as they are.
func (p *Proxy) PassNew() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = passing
}

// Reset resets all connections (RST both ways).
func (p *Proxy) Reset() {
	for _, c := range p.Conns() {
		c.Reset()
	}
}

// Cut closes all connections (FIN both ways).
func (p *Proxy) Cut() {
	for _, c := range p.Conns() {
		c.Cut()
	}
}

// Conns are the open connections, oldest first.
func (p *Proxy) Conns() []*Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*Conn(nil), p.conns...)
}

// Counts tells what the proxy has seen so far.
func (p *Proxy) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// Await blocks until the counts satisfy ok, or ctx ends.
func (p *Proxy) Await(ctx context.Context, ok func(Counts) bool) error {
	for {
		p.mu.Lock()
		counts, changed := p.counts, p.changed
		p.mu.Unlock()
		if ok(counts) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("await proxy at %+v: %w", counts, ctx.Err())
		}
	}
}

// Close stops listening, resets every connection and waits for the proxy's goroutines.
func (p *Proxy) Close() error {
	p.cancel()
	err := p.listener.Close()
	p.Reset()
	p.wg.Wait()
	return err
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.AcceptTCP()
		if err != nil {
			return // closed
		}
		c := p.admit(client)
		if c == nil {
			reset(client)
			continue
		}
		p.wg.Go(func() { c.pump(&c.up) })
	}
}

// admit registers a connection, or returns nil when it is refused.
func (p *Proxy) admit(client *net.TCPConn) *Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.wake()
	if p.refuse || p.ctx.Err() != nil {
		p.counts.Refused++
		return nil
	}
	p.counts.Accepted++
	p.counts.Open++
	c := newConn(p, client, p.mode)
	p.conns = append(p.conns, c)
	return c
}

// count adds to the counts of bytes.
func (p *Proxy) count(up, down int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.Up += int64(up)
	p.counts.Down += int64(down)
	p.wake()
}

func (p *Proxy) forget(gone *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, c := range p.conns {
		if c == gone {
			p.conns = append(p.conns[:i:i], p.conns[i+1:]...)
			p.counts.Open--
			p.wake()
			return
		}
	}
}

// wake wakes the callers of Await. The caller holds mu.
func (p *Proxy) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// dial connects to the target.
func (p *Proxy) dial() (*net.TCPConn, error) {
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	conn, err := new(net.Dialer).DialContext(p.ctx, "tcp", target)
	if err != nil {
		return nil, fmt.Errorf("dial target: %w", err)
	}
	return conn.(*net.TCPConn), nil
}
