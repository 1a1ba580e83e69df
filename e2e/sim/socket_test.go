package sim_test

import (
	"bytes"
	"slices"
	"sync"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// socket is one WebSocket between a member and an instance, as both see it: the hub's signaling.Conn, with what internal/edge
// does around it.
type socket struct {
	sim     *simulation
	inst    *instance
	member  *member
	id      uint64
	session *signaling.Attachment // set by accept, before anything travels

	mu sync.Mutex
	// guarded by mu: the server's end
	out       []frame // on the way to the client
	delivered uint64
	queued    uint64
	closed    bool // nothing more is queued

	// owned by the world's goroutine
	up   []func()
	ups  uint64
	over bool // the session was told that the connection has ended
	gone bool // the client is not there any more
}

type frameKind uint8

const (
	frameText frameKind = iota
	framePing
	frameClose
	frameUpgraded // 101
	frameEOF
)

type frame struct {
	kind frameKind
	data []byte
	code wire.CloseCode
	by   signaling.ClosedBy // of a close frame
}

// outBound is how many frames may wait for a client.
const outBound = 24

// Deliver implements signaling.Conn.
func (s *socket) Deliver(payload, ping []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return true
	}
	if len(s.out) >= outBound {
		return false
	}
	s.put(frame{kind: frameText, data: bytes.Clone(payload)})
	if len(ping) > 0 {
		s.put(frame{kind: framePing, data: bytes.Clone(ping)})
	}
	return true
}

// Send implements signaling.Conn.
func (s *socket) Send(payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if len(s.out) >= 2*outBound {
		s.closed = true
		s.sim.w.after(s.sim.w.hop(s.id, 20), s.id, func() { s.break_(true) })
		return
	}
	s.put(frame{kind: frameText, data: bytes.Clone(payload)})
}

// Ping implements signaling.Conn.
func (s *socket) Ping(data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.put(frame{kind: framePing, data: bytes.Clone(data)})
	}
}

// Close implements signaling.Conn.
func (s *socket) Close(code wire.CloseCode, reason string) {
	s.close(signaling.ClosedByServer, code, reason)
}

// SendAway implements signaling.Conn.
func (s *socket) SendAway(code wire.CloseCode, reason string) {
	s.close(signaling.SentAway, code, reason)
}

func (s *socket) close(by signaling.ClosedBy, code wire.CloseCode, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.put(frame{kind: frameClose, code: code, data: []byte(reason), by: by})
	s.closed = true
	// A client that does not answer is not waited for long.
	s.sim.w.after(time.Second+s.sim.w.hop(s.id, 21), s.id, func() { s.end(signaling.Closure{By: by}) })
}

// put queues a frame. mu is held.
func (s *socket) put(f frame) {
	s.out = append(s.out, f)
	s.queued++
	n := s.queued
	s.sim.w.after(s.sim.w.hop(s.id, 22, n), s.id+n, s.arrive)
}

// What follows runs on the world's goroutine.

// arrive hands the client what comes next.
func (s *socket) arrive() {
	if s.gone {
		return
	}
	if wait := s.sim.clientBlocked(s); wait > 0 {
		s.sim.w.after(wait+s.sim.w.hop(s.id, 23, s.delivered), s.id, s.arrive)
		return
	}
	s.mu.Lock()
	if len(s.out) == 0 {
		s.mu.Unlock()
		return
	}
	f := s.out[0]
	s.out = s.out[1:]
	s.delivered++
	s.mu.Unlock()
	switch f.kind {
	case framePing:
		s.send(func() { s.session.Pong(f.data) })
	case frameClose:
		s.send(func() { s.end(signaling.Closure{By: f.by}) })
		s.gone = true
		s.member.closed(s, f.code)
	default:
		s.member.receive(s, f)
	}
}

// send has something happen at the server's end, in order.
func (s *socket) send(f func()) {
	s.up = append(s.up, f)
	s.ups++
	n := s.ups
	var arrive func()
	arrive = func() {
		if wait := s.inst.frozen(); wait > 0 {
			s.sim.w.after(wait+s.sim.w.hop(s.id, 24, n), s.id+n, arrive)
			return
		}
		if len(s.up) == 0 || s.inst.dead || s.inst.ended {
			return
		}
		f := s.up[0]
		s.up = s.up[1:]
		if !s.over {
			f()
		}
	}
	s.sim.w.after(s.sim.w.hop(s.id, 25, n), s.id+n, arrive)
}

// end tells the session that its connection has ended.
func (s *socket) end(e signaling.Closure) {
	if s.over {
		return
	}
	s.over = true
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.inst.sockets = slices.DeleteFunc(s.inst.sockets, func(x *socket) bool { return x == s })
	if !s.inst.dead && !s.inst.ended {
		s.session.Closed(e)
	}
}

// drop is the client's end of a connection that breaks. seen: the server learns at once, and of all that was sent before; else
// when it finds out by itself.
func (s *socket) drop(seen bool) {
	if s.gone {
		return
	}
	s.gone = true
	if seen {
		s.send(func() { s.end(signaling.Closure{By: signaling.ClosedByLoss}) })
		return
	}
	s.up = nil
	s.sim.w.after(2*pingInterval+s.sim.w.hop(s.id, 26), s.id, func() {
		s.send(func() { s.end(signaling.Closure{By: signaling.ClosedByLoss}) })
	})
}

// break_ is the server's end of one: a process that died, or a queue that ran over.
func (s *socket) break_(tell bool) {
	if tell {
		s.end(signaling.Closure{By: signaling.ClosedByLoss})
	}
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.inst.sockets = slices.DeleteFunc(s.inst.sockets, func(x *socket) bool { return x == s })
	s.sim.w.after(s.sim.w.hop(s.id, 27), s.id, func() {
		if !s.gone {
			s.gone = true
			s.member.closed(s, 0)
		}
	})
}
