package faultproxy

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

type mode int

const (
	passing mode = iota
	silent
	holding
)

// Conn is one proxied connection. The target is dialled when the first bytes are forwarded. All methods may be called
// concurrently.
type Conn struct {
	proxy  *Proxy
	client *net.TCPConn
	up     stream // client to target
	down   stream
	ends   atomic.Int32 // directions whose end was forwarded
	closed chan struct{}

	mu sync.Mutex
	// guarded by mu
	mode   mode
	server *net.TCPConn // nil until dialled
	gone   bool
}

// stream is one direction.
type stream struct {
	conn *Conn
	name Direction

	mu sync.Mutex // held while bytes are forwarded: keeps them in order
	// guarded by mu
	held   []byte
	ended  bool    // the source has ended, and that was held too
	faults *faults // that left and keep belong to
	left   int     // bytes until the limit
	keep   func(chunk []byte) bool

	pipe chan chunk // what waits for its time; nil until the direction is paced first. Owned by pump
}

func newConn(p *Proxy, client *net.TCPConn, m mode) *Conn {
	c := &Conn{proxy: p, client: client, mode: m, closed: make(chan struct{})}
	c.up = stream{conn: c, name: Up}
	c.down = stream{conn: c, name: Down}
	return c
}

// ClientAddr is the client's own "host:port", to tell connections apart.
func (c *Conn) ClientAddr() string { return c.client.RemoteAddr().String() }

// Silence swallows everything both ways, for good: TCP never loses bytes and then goes on.
func (c *Conn) Silence() { c.set(silent) }

// Release forwards what was held, the end of a stream included, and everything from now on.
func (c *Conn) Release() { c.set(passing) }

// Reset ends both sides with RST.
func (c *Conn) Reset() { c.end(reset) }

// Cut ends both sides with FIN.
func (c *Conn) Cut() { c.end(func(t *net.TCPConn) { _ = t.Close() }) }

func (c *Conn) set(m mode) {
	c.mu.Lock()
	if c.mode != silent {
		c.mode = m
	}
	m = c.mode
	c.mu.Unlock()
	if m == passing {
		c.up.flush()
		c.down.flush()
	}
}

func (c *Conn) end(how func(*net.TCPConn)) {
	c.mu.Lock()
	server, gone := c.server, c.gone
	c.gone = true
	c.mu.Unlock()
	if gone {
		return
	}
	close(c.closed)
	how(c.client)
	if server != nil {
		how(server)
	}
	c.proxy.forget(c)
}

func (c *Conn) current() mode {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mode
}

// pump moves one direction until its source ends.
func (c *Conn) pump(s *stream) {
	source := c.client
	if s.name == Down {
		source = c.server // set before this pump is started
	}
	buf := make([]byte, 16<<10)
	for {
		n, err := source.Read(buf)
		if n > 0 {
			s.handle(chunk{b: buf[:n]})
		}
		if err != nil {
			s.handle(chunk{err: err})
			return
		}
	}
}

// handle carries a chunk on, now or when its time has come.
func (s *stream) handle(c chunk) {
	if s.slow() {
		s.delay(c)
	} else {
		s.carry(c)
	}
}

func (s *stream) carry(c chunk) {
	if c.err != nil {
		s.finish(c.err)
	} else {
		s.take(c.b)
	}
}

// take forwards, holds or swallows b.
func (s *stream) take(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.conn.current() {
	case passing:
		s.drain()
		n, cut := s.passes(b)
		if n > 0 {
			s.forward(b[:n])
		}
		if cut {
			s.conn.Cut()
		}
	case holding:
		s.held = append(s.held, b...)
	case silent:
	}
}

// finish does the same with the end of the source.
func (s *stream) finish(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.conn.current() {
	case passing:
		s.drain()
		if errors.Is(err, io.EOF) {
			s.forwardEnd()
		} else {
			s.conn.Reset()
		}
	case holding:
		s.ended = true
	case silent:
	}
}

// flush forwards what was held.
func (s *stream) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drain()
	if s.ended {
		s.ended = false
		s.forwardEnd()
	}
}

// drain forwards the bytes that were held. The caller holds mu.
func (s *stream) drain() {
	held := s.held
	s.held = nil
	if len(held) > 0 {
		s.forward(held)
	}
}

// forward writes b to the other side. The caller holds mu.
func (s *stream) forward(b []byte) {
	sink := s.conn.sink(s.name)
	if sink == nil {
		s.conn.Reset()
		return
	}
	n, err := sink.Write(b)
	if s.name == Up {
		s.conn.proxy.count(n, 0)
	} else {
		s.conn.proxy.count(0, n)
	}
	if err != nil {
		s.conn.Reset()
	}
}

// forwardEnd sends FIN to the other side; when both directions have ended the connection is gone. The caller holds mu.
func (s *stream) forwardEnd() {
	if sink := s.conn.sink(s.name); sink != nil {
		_ = sink.CloseWrite() // an error means that it is gone already
	}
	if s.conn.ends.Add(1) == 2 {
		s.conn.Cut()
	}
}

// sink is the socket that a direction writes to; the target is dialled when it is needed first. It is nil when that fails.
func (c *Conn) sink(d Direction) *net.TCPConn {
	if d == Down {
		return c.client
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server != nil || c.gone {
		return c.server
	}
	server, err := c.proxy.dial()
	if err != nil {
		return nil
	}
	c.server = server
	c.proxy.wg.Go(func() { c.pump(&c.down) })
	return c.server
}

// reset closes with RST instead of FIN.
func reset(t *net.TCPConn) {
	_ = t.SetLinger(0) // fails only on a closed socket
	_ = t.Close()
}
