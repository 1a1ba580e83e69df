package signaling

import (
	"slices"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// lateMail is what one connection was told of its messages whose TTL is over. Redis keeps them for the client until a pong proves that it
// knows of them: the doorbell may be lost, and so may be the connection.
//
//	told ──► asked: a ping ──► pong: forgetting, by Redis ──► forgotten
//	  ▲                                     │
//	  └────────── what came since ──────────┘
type lateMail struct {
	list       []streams.Undelivered // the oldest first
	proven     int                   // so many Redis has forgotten. They stay here: a doorbell about them may still be on its way
	asked      int                   // so many of the next ones the ping that is under way proves; 0: none is under way
	forgetting bool
}

// mostLate is how many are remembered. Of what is beyond, the client may be told again.
const mostLate = 256

// overdue tells a rejoin.v1 client which of its messages are not delivered any more: those that it was not told of on this connection yet. The
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

// remembersLate remembers a message that the client is told of, and reports whether it is news.
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

// proveLate asks for the proof that the client knows of what it was told, unless that is under way.
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

// lateAwaitsPong reports whether a ping of proveLate is under way.
func (a *Attachment) lateAwaitsPong() bool {
	return a.extra != nil && a.extra.late.asked > 0 && !a.extra.late.forgetting
}

// repeatLatePing repeats it, see repeatPing.
func (a *Attachment) repeatLatePing() {
	if a.lateAwaitsPong() {
		a.pingLate()
	}
}

// lateProven takes the pong: Redis forgets what the client knows of, and then the rest is asked for.
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

// lateOf picks the messages of a list whose TTL was over.
func lateOf(list []streams.Undelivered) (late []streams.Undelivered) {
	for _, u := range list {
		if u.Late {
			late = append(late, u)
		}
	}
	return late
}
