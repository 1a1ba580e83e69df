package client

import "time"

// acks decides when handled messages are acknowledged (rule R2.3). Guarded by Client.mu.
type acks struct {
	every int
	after time.Duration

	// received is the newest message read from the server, handled the newest one the application has finished with.
	received, handled entryID
	// count is how many were handled since the last acknowledgement left; due is when the next one has to.
	count int
	due   time.Time
	// now asks for one at once: after a resume it retires the older token (rule R4.4).
	now bool
}

// fresh forgets the ids of the previous session.
func (a *acks) fresh() {
	a.received, a.handled = entryID{}, entryID{}
	a.count, a.due, a.now = 0, time.Time{}, false
}

// handle records that the application has finished with id and everything before it. It reports whether the timing changed.
func (a *acks) handle(id entryID, now time.Time) bool {
	if id.compare(a.handled) <= 0 {
		return false
	}
	a.handled = id
	a.count++
	switch {
	case a.count == a.every:
		a.due = now
		return true
	case a.count == 1:
		a.due = now.Add(a.after)
		return true
	}
	return false
}

// wait is how long until the next acknowledgement is due; negative if there is none.
func (a *acks) wait(now time.Time) time.Duration {
	switch {
	case a.now:
		return 0
	case a.count == 0:
		return -1
	}
	return max(0, a.due.Sub(now))
}

// take returns the acknowledgement and counts it as sent. Its id is 0-0 if nothing has been handled yet.
func (a *acks) take() []byte {
	a.count, a.now = 0, false
	frame := append(make([]byte, 0, 64), `{"method":"ack","id":"`...)
	return append(a.handled.append(frame), `"}`...)
}
