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
		if o := s.opening(); o.end == nil {
			o.end = &e
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
		// A connection that this side closed was sent away: its client is waited for like one that was lost.
		leave = e.Kind == EndClient || e.Kind == EndPolicy || !s.keeps()
	}
	if leave {
		s.leave(s.hub.howOf(e))
		return
	}
	why := s.hub.howOf(e)
	if why == howLeft {
		why = howAway
	}
	s.detach(why, nil)
}

// leave ends the session for good. The shard is locked.
func (s *Session) leave(why how) {
	h, p := s.held(), s.part(why)
	s.finish()
	s.hub.leave(h, p)
}

// detach ends this connection's hold; the session's grace window starts, if it has one. first, unless nil, is called once
// when Redis has answered, or not. The shard is locked.
func (s *Session) detach(h how, first func()) {
	d := &detaching{hub: s.hub, held: s.held(), parting: s.part(h), first: first}
	if s.keeps() {
		d.window = &windowKey{s.room, s.id}
	}
	s.finish()
	d.begin()
}

// fence closes a connection whose session has another one. The shard is locked.
func (s *Session) fence() {
	s.hub.metrics.drop(dropFenced)
	s.hub.backbone.Count(s.room.String(), s.id.String(), s.part(howFenced).Tally)
	s.finish()
	s.conn.Close(wire.CloseResumedElsewhere, wire.ReasonResumedElsewhere)
}

// lost takes it from Redis, and not from the doorbell of another connection, that another connection has this session. After a failover that
// may be the one before this: the new primary may lack the last attach. Then the client is the right one, and comes back. The answer may
// be the first that is heard of the new primary, so they are looked at before the client is told to stay away. Until then nothing
// is read or delivered. The shard is locked.
func (s *Session) lost() {
	switch {
	case s.extra != nil && s.extra.fenced: // both say so
		s.fence()
		return
	case s.hub.replacedLately():
		s.outlived()
		return
	}
	s.catching, s.paused = true, true
	s.hub.backbone.CheckPrimaries(func() {
		s.locked(func() {
			switch {
			case s.state != live: // the doorbell came
			case s.hub.replacedLately():
				s.outlived()
			default:
				s.fence()
			}
		})
	})
}

// outlived closes a connection whose session was ended while this instance was not there to object, frozen or cut off. Its peers
// have been told, so it cannot go on: its client begins a new one. The shard is locked.
func (s *Session) outlived() {
	s.part(howOutlived)
	s.finish()
	s.conn.Close(wire.CloseServiceRestart, wire.ReasonGoingAway)
}

// detaching is a detach under way. It is repeated until Redis has heard of it: a session that nobody holds must not
// look alive.
type detaching struct {
	hub     *Hub
	held    streams.Held
	parting streams.Parting
	window  *windowKey // nil: the session keeps none
	// first is called at the first answer even if that is an error: a client is not kept waiting for Redis
	// on a connection on which nothing is answered any more.
	first func()
}

func (d *detaching) begin() {
	d.hub.leaving.Add(1)
	d.try()
}

func (d *detaching) try() { d.hub.backbone.Detach(d.held, d.parting, d.answered) }

func (d *detaching) answered(_ streams.Hold, err error) {
	first := d.first
	d.first = nil
	if err == nil || !d.hub.retries.add(err, d.try) {
		if d.window != nil {
			d.hub.windows.own(d.window.room, d.window.client, d.hub.backbone.Grace())
		}
		d.hub.leaving.Add(-1)
	}
	if first != nil {
		first()
	}
}

// undoing takes back an attach whose outcome is unknown: Redis may have made it, or may still make it, and a session without
// a connection would never end. All is found by the session number, so it does no harm to others.
type undoing struct {
	hub     *Hub
	room    wire.RoomID
	session string
	client  string // that a fresh session would have
	last    bool
}

// lateAttach is after how long no attach that was given up is still on its way.
const lateAttach = 10 * time.Second

func (u *undoing) begin() {
	u.hub.leaving.Add(1)
	u.try()
}

func (u *undoing) try() {
	u.hub.backbone.Undo(u.room.String(), u.session, u.client, string(howNotAttached), u.answered)
}

func (u *undoing) answered(waits string, err error) {
	if err != nil && u.hub.retries.add(err, u.try) {
		return
	}
	u.hub.leaving.Add(-1)
	if id, ok := wire.ParseClientID([]byte(waits)); ok {
		u.hub.windows.own(u.room, id, u.hub.backbone.Grace())
	}
	if !u.last && err == nil {
		u.last = true // Redis may have been reached by another connection than the attach, which it reads only now
		u.hub.timers.after(lateAttach, u.begin)
	}
}

// leave ends a session for good. Like a detach it is repeated.
func (h *Hub) leave(held streams.Held, p streams.Parting) {
	h.leaving.Add(1)
	var try func()
	try = func() {
		h.backbone.Leave(held, p, func(_ bool, err error) {
			if err == nil || !h.retries.add(err, try) {
				h.leaving.Add(-1)
			}
		})
	}
	try()
}

// retries are steps that must not be forgotten while Redis is away. The sweep runs them again. They are bounded
// by the connections that were open when it went, and those that came before Ready said so.
type retries struct {
	mu   sync.Mutex
	todo []func()
	off  bool
}

// add reports whether f will run again.
// No error says that a step need not be made: what is unknown is tried again, until Redis answers or this instance ends.
func (r *retries) add(err error, f func()) bool {
	if errors.Is(err, streams.ErrClosed) {
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
