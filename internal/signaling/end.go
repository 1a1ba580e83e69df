package signaling

import (
	"errors"
	"sync"
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// Closed tells that the connection has ended. It is the last call about it.
func (s *Session) Closed(e End) {
	sh := s.shard()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	switch s.state {
	case attaching:
		if s.opening.end == nil {
			s.opening.end = &e
		}
	case live:
		s.end(e)
	case closed:
	}
}

// end decides between leaving and the grace window (PROTOCOL.md parts 2 and 3). The shard is locked.
func (s *Session) end(e End) {
	leave := e.Kind == EndClient && e.Code == wire.CloseNormal
	if s.dialect == wire.Plain {
		leave = e.Kind != EndLost || !s.keep
	}
	h, acked := s.held(), s.acked
	room, id := s.room, s.id
	s.finish()
	if leave {
		s.hub.leave(h, acked)
		return
	}
	s.hub.detach(h, acked, func() { s.hub.windows.own(room, id, s.hub.backbone.Grace()) })
}

// detachOne starts the grace window of a session whose connection this side is about to close, and calls then when
// Redis knows. The shard is locked.
func (s *Session) detachOne(then func()) {
	h, acked := s.held(), s.acked
	room, id, keep := s.room, s.id, s.keep
	s.finish()
	s.hub.detach(h, acked, func() {
		if keep {
			s.hub.windows.own(room, id, s.hub.backbone.Grace())
		}
		then()
	})
}

// fence closes a connection whose session has another one. The shard is locked.
func (s *Session) fence() {
	s.hub.metrics.drop(dropFenced)
	s.finish()
	s.conn.Close(wire.CloseResumedElsewhere, wire.ReasonResumedElsewhere)
}

// detach retries until Redis has heard of it: a session that nobody holds must not look alive.
func (h *Hub) detach(held streams.Held, acked streams.EntryID, then func()) {
	h.backbone.Detach(held, acked, func(_ streams.Hold, err error) {
		if err != nil && h.retries.add(err, func() { h.detach(held, acked, then) }) {
			return
		}
		then()
	})
}

func (h *Hub) leave(held streams.Held, acked streams.EntryID) {
	h.backbone.Leave(held, acked, func(_ bool, err error) {
		if err != nil {
			h.retries.add(err, func() { h.leave(held, acked) })
		}
	})
}

// retries are steps that must not be forgotten while Redis is away. The sweep runs them again. They are bounded
// by the connections that were open when it went.
type retries struct {
	mu   sync.Mutex
	todo []func()
	off  bool
}

// add reports whether f will run again.
func (r *retries) add(err error, f func()) bool {
	if !errors.Is(err, streams.ErrUnavailable) && !errors.Is(err, streams.ErrBusy) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.off {
		return false
	}
	r.todo = append(r.todo, f)
	return true
}

func (r *retries) run() {
	r.mu.Lock()
	todo := r.todo
	r.todo = nil
	r.mu.Unlock()
	for _, f := range todo {
		f()
	}
}

// stop lets what failed stay failed: others detach the clients of an instance that is gone.
func (r *retries) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.off, r.todo = true, nil
}

// windows runs the timers of grace windows: of sessions last held here, and, as a backstop, of peers that
// sessions here know. Whoever comes first ends the session; leave.lua lets one win.
type windows struct {
	hub *Hub
	mu  sync.Mutex
	all map[windowKey]*window
	off bool
}

type windowKey struct {
	room   wire.RoomID
	client wire.ClientID
}

type window struct {
	timer *time.Timer
	own   bool
}

// backstop is how much later than the holder's a peer's instance looks.
const backstop = 300 * time.Millisecond

func (w *windows) init(h *Hub) { w.hub, w.all = h, map[windowKey]*window{} }

func (w *windows) own(room wire.RoomID, client wire.ClientID, left time.Duration) {
	w.start(windowKey{room, client}, left+time.Millisecond, true)
}

func (w *windows) watch(room wire.RoomID, client wire.ClientID, left time.Duration) {
	w.start(windowKey{room, client}, left+backstop, false)
}

func (w *windows) start(key windowKey, d time.Duration, own bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	old := w.all[key]
	if w.off || old != nil && old.own && !own {
		return
	}
	if old != nil {
		old.timer.Stop()
	}
	n := &window{own: own}
	n.timer = time.AfterFunc(d, func() { w.over(key, n) })
	w.all[key] = n
}

// stop forgets a window whose session is live again, or gone.
func (w *windows) stop(room wire.RoomID, client wire.ClientID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := windowKey{room, client}
	if n := w.all[key]; n != nil {
		n.timer.Stop()
		delete(w.all, key)
	}
}

func (w *windows) over(key windowKey, n *window) {
	w.mu.Lock()
	current := w.all[key] == n
	w.mu.Unlock()
	if !current {
		return
	}
	w.hub.backbone.Expire(key.room.String(), key.client.String(), func(left time.Duration, err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.all[key] != n {
			return
		}
		if err != nil && !w.off {
			left = syncRetry
		}
		if left > 0 {
			n.timer.Reset(left + time.Millisecond)
			return
		}
		delete(w.all, key)
	})
}

// count returns how many suspended sessions were last held here.
func (w *windows) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, x := range w.all {
		if x.own {
			n++
		}
	}
	return n
}

func (w *windows) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.off = true
	for _, n := range w.all {
		n.timer.Stop()
	}
	clear(w.all)
}
