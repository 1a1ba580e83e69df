package signaling

import (
	"sync"
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// windows runs the timers of grace windows: those of sessions last held here and, as a backstop, of peers that sessions here know. The
// first to fire ends the session: leave.lua lets only one win.
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

// backstop is how much later than the holder a peer's instance checks.
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

// stop cancels the window of a session that is live again, or gone.
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
