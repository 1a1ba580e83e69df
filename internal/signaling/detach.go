package signaling

import (
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// Closed reports that the connection has ended. It is the last call for it.
func (a *Attachment) Closed(e Closure) {
	sh := a.shard()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	switch a.state {
	case attaching:
		o := a.opening()
		if o.closure == nil {
			o.closure = &e
		}
		if o.asked { // no answer of Redis is waited for
			a.close()
		}
	case live:
		a.connectionClosed(e)
	case closed:
	}
}

// connectionClosed ends the session or detaches it (PROTOCOL.md parts 2 and 3). The shard is locked.
func (a *Attachment) connectionClosed(e Closure) {
	end := e.By == ClosedByClient && e.Code == wire.CloseNormal
	if a.dialect != wire.RejoinV1 {
		// If this side closed the connection, its session waits, as after a loss.
		end = e.By == ClosedByClient || e.By == ClosedForCause || !a.keeps()
	}
	if end && a.dialect == wire.PeerJS {
		a.acked = a.last // if the client leaves, written counts as delivered, as in PeerServer
	}
	if end {
		a.endSession(a.hub.reasonOf(e))
		return
	}
	why := a.hub.reasonOf(e)
	if why == endLeft {
		why = endAway
	}
	a.detach(why, nil)
}

// detach closes an attachment; the session's grace window starts, if it has one. onAnswer, unless nil, is called once, when Redis has
// answered or failed to. The shard is locked.
func (a *Attachment) detach(why endReason, onAnswer func()) {
	d := &detaching{hub: a.hub, ref: a.ref(), disconnect: a.disconnect(why), onAnswer: onAnswer}
	if a.keeps() {
		d.window = &windowKey{a.room, a.id}
	}
	a.close()
	d.begin()
}

// fence closes a connection whose session another connection has taken. The shard is locked.
func (a *Attachment) fence() {
	a.hub.metrics.drop(dropFenced)
	a.hub.backbone.Count(a.room.String(), a.id.String(), a.disconnect(endFenced).Tally)
	a.close()
	a.conn.Close(wire.CloseResumedElsewhere, wire.ReasonResumedElsewhere)
}

// fencedBySync handles an answer of Redis, without a doorbell, that says another connection has this session. After a failover that may be
// the previous connection: the new primary may lack the last attach. Then this client is the right one, and should come back. The answer
// may be the first sign of a new primary, so check the primaries before telling the client to stay away. Until then nothing is read or
// delivered. The shard is locked.
func (a *Attachment) fencedBySync() {
	switch {
	case a.extra != nil && a.extra.fenced: // both say so
		a.fence()
		return
	case a.hub.replacedLately():
		a.endedElsewhere()
		return
	}
	a.catching, a.paused = true, true
	a.hub.backbone.CheckPrimaries(func() {
		a.locked(func() {
			switch {
			case a.state != live: // the doorbell came
			case a.hub.replacedLately():
				a.endedElsewhere()
			default:
				a.fence()
			}
		})
	})
}

// endedElsewhere closes a connection whose session was ended while this instance was frozen or cut off. The peers have been told, so it
// cannot continue: the client starts a new session. The shard is locked.
func (a *Attachment) endedElsewhere() {
	a.disconnect(endEndedElsewhere)
	a.close()
	a.conn.Close(wire.CloseServiceRestart, wire.ReasonGoingAway)
}

// detaching is a pending detach. It is retried until Redis has done it: a session without a connection must not look alive.
type detaching struct {
	hub        *Hub
	ref        streams.SessionRef
	disconnect streams.Disconnect
	window     *windowKey // nil: the session has no grace window
	// onAnswer is called at the first answer, even an error: the client must not wait for Redis on a connection that no longer answers it.
	onAnswer func()
}

func (d *detaching) begin() {
	d.hub.leaving.Add(1)
	d.try()
}

func (d *detaching) try() { d.hub.backbone.Detach(d.ref, d.disconnect, d.answered) }

func (d *detaching) answered(_ streams.Holding, err error) {
	onAnswer := d.onAnswer
	d.onAnswer = nil
	if err == nil || !d.hub.retries.add(err, d.try) {
		if d.window != nil {
			d.hub.windows.own(d.window.room, d.window.client, d.hub.backbone.Grace())
		}
		d.hub.leaving.Add(-1)
	}
	if onAnswer != nil {
		onAnswer()
	}
}

// undoing undoes an attach whose outcome is unknown. Redis may have run it, or may run it later, and a session without a connection would
// never end. It looks up by session number, so other sessions are safe.
type undoing struct {
	hub     *Hub
	room    wire.RoomID
	session string
	client  string // the ID that a new session would have
	last    bool
}

// lateAttach is the time after which an attach that was given up can no longer reach Redis.
const lateAttach = 10 * time.Second

func (u *undoing) begin() {
	u.hub.leaving.Add(1)
	u.try()
}

func (u *undoing) try() {
	ref := streams.SessionRef{Room: u.room.String(), Client: u.client, Session: u.session}
	u.hub.backbone.Undo(ref, string(endNotAttached), u.undone)
}

func (u *undoing) undone(suspended string, err error) {
	if err != nil && u.hub.retries.add(err, u.try) {
		return
	}
	u.hub.leaving.Add(-1)
	if id, ok := wire.ParseClientID([]byte(suspended)); ok {
		u.hub.windows.own(u.room, id, u.hub.backbone.Grace())
	}
	if !u.last && err == nil {
		u.last = true // the attach may be on another connection, which Redis reads later
		u.hub.timers.after(lateAttach, u.begin)
	}
}

// endSession ends the session for good. The shard is locked.
func (a *Attachment) endSession(why endReason) {
	ref, d := a.ref(), a.disconnect(why)
	a.close()
	a.hub.endSession(ref, d)
}

// endSession ends a session for good. Like a detach, it is retried.
func (h *Hub) endSession(ref streams.SessionRef, d streams.Disconnect) {
	h.persist(func(answered func(error)) {
		h.backbone.Leave(ref, d, func(_ bool, err error) { answered(err) })
	})
}

// persist takes a step, which calls answered with its outcome, and retries it until Redis has done it. A drain waits for that.
func (h *Hub) persist(step func(answered func(error))) {
	h.leaving.Add(1)
	var try func()
	try = func() {
		step(func(err error) {
			if err == nil || !h.retries.add(err, try) {
				h.leaving.Add(-1)
			}
		})
	}
	try()
}
