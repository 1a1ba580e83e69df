package signaling

import (
	"slices"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// lateMail is the notices sent on one connection about its messages whose TTL is over. Redis keeps the notices until a pong proves that the
// client has them, because the doorbell or the connection may be lost.
//
//	told ──► asked: a ping ──► pong: forgetting, by Redis ──► forgotten
//	  ▲                                     │
//	  └────────── what came since ──────────┘
type lateMail struct {
	list       []streams.Undelivered // the oldest first
	proven     int                   // how many Redis has forgotten. They stay here: a doorbell about them may still be in transit
	asked      int                   // how many more the pending ping proves; 0: no ping is pending
	forgetting bool
}

// mostLate is how many are remembered. The client may be told of others twice.
const mostLate = 256

// overdue tells a rejoin.v1 client which of its messages will not be delivered, leaving out those already reported on this connection. The
// shard is locked.
func (a *Attachment) overdue(list []streams.Undelivered) {
	if a.state != live || a.dialect != wire.RejoinV1 {
		return
	}
	for _, u := range list {
		to, ok := wire.ParseClientID([]byte(u.Client))
		if !ok || !a.remembersLate(u) {
			continue
		}
		a.hub.metrics.overdue.Inc()
		a.sendFrame(func(dst []byte) []byte { return wire.AppendUndelivered(dst, view(u.RequestID), to) })
	}
	a.proveLate()
}

// remembersLate remembers that the client is told of a message, and reports whether that is news.
func (a *Attachment) remembersLate(u streams.Undelivered) (news bool) {
	u.Late = true
	l := &a.ensureExtra().late
	if slices.Contains(l.list, u) {
		return false
	}
	if len(l.list) == mostLate && l.proven > 0 {
		l.list = slices.Delete(l.list, 0, 1)
		l.proven--
	}
	if len(l.list) < mostLate {
		l.list = append(l.list, u)
	}
	return true
}

// proveLate asks for proof that the client got its notices, unless a ping is pending.
func (a *Attachment) proveLate() {
	if a.extra == nil || len(a.extra.late.list) == a.extra.late.proven || a.extra.late.asked > 0 {
		return
	}
	a.extra.late.asked = len(a.extra.late.list) - a.extra.late.proven
	a.pingLate()
}

func (a *Attachment) pingLate() {
	sh := a.shard()
	sh.frame = append(sh.frame[:0], pingLate)
	a.conn.Ping(sh.frame)
}

// lateAwaitsPong reports whether a ping of proveLate is pending.
func (a *Attachment) lateAwaitsPong() bool {
	return a.extra != nil && a.extra.late.asked > 0 && !a.extra.late.forgetting
}

// repeatLatePing repeats it, see repeatPing.
func (a *Attachment) repeatLatePing() {
	if a.lateAwaitsPong() {
		a.pingLate()
	}
}

// lateProven handles the pong: Redis forgets the proven notices, then the rest is proved.
func (a *Attachment) lateProven() {
	if !a.lateAwaitsPong() {
		return
	}
	l := &a.extra.late
	l.forgetting = true
	a.hub.backbone.Told(a.room.String(), a.id.String(), slices.Clone(l.list[l.proven:l.proven+l.asked]), func(err error) {
		a.locked(func() {
			if err == nil {
				l.proven += l.asked
			}
			l.asked, l.forgetting = 0, false
			if a.state == live {
				a.proveLate()
			}
		})
	})
}

// lateOf picks the messages whose TTL was over from a list.
func lateOf(list []streams.Undelivered) (late []streams.Undelivered) {
	for _, u := range list {
		if u.Late {
			late = append(late, u)
		}
	}
	return late
}
