package signaling

import (
	"sync"
	"time"
)

// limited are the mailboxes that clients here have sent messages with a TTL to. When the time of one is over, and its receiver is away, its
// sender is to hear of it then, and not when the receiver comes back. There is one timer for a mailbox, whatever waits there:
//
//	stored ──► watch ──► overdue (streams) ──► nothing left: forgotten, overdueEvery later
//	             ▲              │
//	             └──── next ────┘
//
// Only when to ask is known here. Which messages are late Redis decides, there once, and rings for their senders.
type limited struct {
	hub *Hub
	mu  sync.Mutex
	all map[windowKey]*deadline // guarded by mu, as what follows
	off bool
}

type deadline struct {
	timer *time.Timer
	at    time.Time
	// notBefore: Redis was asked overdueEvery ago.
	notBefore time.Time
	idle      bool // nothing is left; at is when to forget that
	// underWay: Redis is, and may answer without what was stored since. later is when to ask for that, zero if there is none.
	underWay bool
	later    time.Time
}

func (l *limited) init(h *Hub) { l.hub, l.all = h, map[windowKey]*deadline{} }

// overdueAfter is how long after the end of a TTL Redis is asked: its clock and this one run apart.
const overdueAfter = 50 * time.Millisecond

// overdueEvery is how often Redis is asked for one mailbox at most: each call may read all that waits there, and a message with a TTL of a millisecond costs its
// sender nothing.
const overdueEvery = 250 * time.Millisecond

// watch asks for a mailbox after ttl, unless it is asked for earlier.
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

// forgetIdle lets go of a mailbox where nothing is left, when it may be asked for again. It is called with mu held.
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
