package signaling

import (
	"sync"
	"time"
)

// limited are the mailboxes to which clients here have sent messages with a TTL. If a TTL expires while the receiver is away, the sender is
// told then, not when the receiver comes back. There is one timer per mailbox:
//
//	stored ──► watch ──► overdue (streams) ──► nothing left: forgotten, overdueEvery later
//	             ▲              │
//	             └──── next ────┘
//
// This side only decides when to ask. Redis decides which messages are overdue, once, and rings for their senders.
type limited struct {
	hub *Hub
	mu  sync.Mutex
	all map[windowKey]*deadline // guarded by mu, like the fields below
	off bool
}

type deadline struct {
	timer *time.Timer
	at    time.Time
	// notBefore is overdueEvery after Redis was last asked.
	notBefore time.Time
	idle      bool // nothing is left; at is when to forget that
	// underWay: Redis is being asked, and its answer may miss messages stored since. later is when to ask for those, zero if there are
	// none.
	underWay bool
	later    time.Time
}

func (l *limited) init(h *Hub) { l.hub, l.all = h, map[windowKey]*deadline{} }

// overdueAfter is how long after the end of a TTL Redis is asked: its clock and ours may differ.
const overdueAfter = 50 * time.Millisecond

// overdueEvery is the shortest interval between two questions for one mailbox: each may read the whole mailbox, and a message with a TTL of
// a millisecond costs its sender nothing.
const overdueEvery = 250 * time.Millisecond

// watch asks Redis about a mailbox after ttl, unless it is asked earlier.
func (l *limited) watch(key windowKey, ttl time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := time.Now().Add(ttl + overdueAfter)
	d := l.all[key]
	switch {
	case l.off:
	case d != nil && d.underWay:
		if d.later.IsZero() || at.Before(d.later) {
			d.later = at
		}
	case d == nil:
		l.start(key, at, time.Time{})
	case d.idle || at.Before(d.at):
		d.timer.Stop()
		l.start(key, at, d.notBefore)
	}
}

// start is called with mu held.
func (l *limited) start(key windowKey, at, notBefore time.Time) {
	if at.Before(notBefore) {
		at = notBefore
	}
	d := &deadline{at: at, notBefore: notBefore}
	d.timer = time.AfterFunc(time.Until(at), func() { l.over(key, d) })
	l.all[key] = d
}

func (l *limited) over(key windowKey, d *deadline) {
	l.mu.Lock()
	current := l.all[key] == d
	d.underWay = true
	l.mu.Unlock()
	if !current {
		return
	}
	l.hub.backbone.Overdue(key.room.String(), key.client.String(), func(next time.Duration, err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.off || l.all[key] != d {
			return
		}
		if err != nil {
			next = syncRetry
		}
		at, notBefore := d.later, time.Now().Add(overdueEvery)
		if again := time.Now().Add(next + overdueAfter); next > 0 && (at.IsZero() || again.Before(at)) {
			at = again
		}
		if !at.IsZero() {
			l.start(key, at, notBefore)
			return
		}
		l.all[key] = &deadline{at: notBefore, notBefore: notBefore, idle: true}
		l.forgetIdle(key, l.all[key])
	})
}

// forgetIdle drops a mailbox with nothing left, once Redis may be asked about it again. It is called with mu held.
func (l *limited) forgetIdle(key windowKey, d *deadline) {
	d.timer = time.AfterFunc(time.Until(d.at), func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.all[key] == d {
			delete(l.all, key)
		}
	})
}

func (l *limited) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.off = true
	for _, d := range l.all {
		d.timer.Stop()
	}
	clear(l.all)
}
