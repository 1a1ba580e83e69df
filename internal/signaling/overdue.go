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
func (s *Attachment) overdue(list []streams.Undelivered) {
	if s.state != live || s.dialect != wire.RejoinV1 {
		return
	}
	for _, u := range list {
		to, ok := wire.ParseClientID([]byte(u.Client))
		if !ok || !s.remembersLate(u) {
			continue
		}
		s.hub.metrics.overdue.Inc()
		s.sendFrame(func(dst []byte) []byte { return wire.AppendUndelivered(dst, view(u.RequestID), to) })
	}
	s.proveLate()
}

// remembersLate remembers a message that the client is told of, and reports whether it is news.
func (s *Attachment) remembersLate(u streams.Undelivered) (news bool) {
	u.Late = true
	l := &s.ensureExtra().late
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
func (s *Attachment) proveLate() {
	if s.extra == nil || len(s.extra.late.list) == s.extra.late.proven || s.extra.late.asked > 0 {
		return
	}
	s.extra.late.asked = len(s.extra.late.list) - s.extra.late.proven
	s.pingLate()
}

func (s *Attachment) pingLate() {
	sh := s.shard()
	sh.frame = append(sh.frame[:0], pingLate)
	s.conn.Ping(sh.frame)
}

// lateAwaitsPong reports whether a ping of proveLate is under way.
func (s *Attachment) lateAwaitsPong() bool {
	return s.extra != nil && s.extra.late.asked > 0 && !s.extra.late.forgetting
}

// repeatLatePing repeats it, see repeatPing.
func (s *Attachment) repeatLatePing() {
	if s.lateAwaitsPong() {
		s.pingLate()
	}
}

// lateProven takes the pong: Redis forgets what the client knows of, and then the rest is asked for.
func (s *Attachment) lateProven() {
	if !s.lateAwaitsPong() {
		return
	}
	l := &s.extra.late
	l.forgetting = true
	s.hub.backbone.Told(s.room.String(), s.id.String(), slices.Clone(l.list[l.proven:l.proven+l.asked]), func(err error) {
		s.locked(func() {
			if err == nil {
				l.proven += l.asked
			}
			l.asked, l.forgetting = 0, false
			if s.state == live {
				s.proveLate()
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
