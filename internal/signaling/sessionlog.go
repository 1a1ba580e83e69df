package signaling

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// endReason says why a session ended, or an attachment was closed.
type endReason string

const (
	endLeft         endReason = "left"          // the client closed
	endLost         endReason = "lost"          // the connection broke, and the session has no grace window
	endPolicy       endReason = "policy"        // closed for cause: protocol, rate, size
	endDrained      endReason = "drained"       // this instance shuts down
	endRotated      endReason = "rotated"       // MAX_CONNECTION_AGE
	endInstanceLost endReason = "instance_lost" // its instance did not renew its lease
	endNotAttached  endReason = "not_attached"  // Redis did not answer in time: no client knew of it
	endRevoked      endReason = "revoked"       // its token was revoked
	endTokenExpired endReason = "token_expired" // and the client did not show a fresh one in time
	endRemoved      endReason = streams.ReasonRemoved
	endExpired      endReason = streams.ReasonExpired
	endStoreLost    endReason = streams.ReasonStoreLost
	endReplaced     endReason = streams.ReasonReplaced
	endUnclaimed    endReason = streams.ReasonUnclaimed

	// The session goes on, or others ended it:
	endAway           endReason = "away"     // a rejoin.v1 client closed, and may come back
	endFenced         endReason = "fenced"   // another connection has it
	endEndedElsewhere endReason = "outlived" // ended while this instance was frozen or cut off
)

// endReasons are those of a session's end.
var endReasons = []endReason{
	endLeft, endLost, endPolicy, endDrained, endRotated, endInstanceLost, endNotAttached, endRevoked, endTokenExpired,
	endRemoved, endExpired, endStoreLost, endReplaced, endUnclaimed,
}

// reasonOf is the reason for a connection that the client or the edge closed, or one not attached yet.
func (h *Hub) reasonOf(e Closure) endReason {
	switch e.By {
	case ClosedByClient:
		return endLeft
	case ClosedForCause:
		return endPolicy
	case ClosedByServer, SentAway:
		return h.closingReason()
	case ClosedByLoss:
	}
	return endLost
}

// closingReason is why this instance closes a connection.
func (h *Hub) closingReason() endReason {
	if h.draining.Load() {
		return endDrained
	}
	return endRotated
}

// intended reports whether the end is one that the client, or the operator, wanted.
func (h endReason) intended() bool {
	return slices.Contains([]endReason{endLeft, endDrained, endRotated, endRevoked, endRemoved}, h)
}

// disconnect returns the report about this connection, with its message counts, and logs its close. The shard is locked.
func (a *Attachment) disconnect(why endReason) streams.Disconnect {
	d := streams.Disconnect{Acked: a.acked, Reason: string(why), Tally: streams.Tally{In: uint64(a.sends), Out: uint64(a.out)}}
	if a.hub.log.Enabled(context.Background(), slog.LevelDebug) {
		a.hub.log.LogAttrs(context.Background(), slog.LevelDebug, "connection ended",
			slog.String("how", string(why)), slog.String("room", short(a.room.String())), slog.String("client", short(a.id.String())),
			slog.String("role", a.role().String()), slog.String("dialect", dialectLabel(a.dialect)),
			slog.Int64("seconds", int64(a.age(time.Now()).Seconds())), slog.Uint64("messages_in", d.Tally.In), slog.Uint64("messages_out", d.Tally.Out))
	}
	return d
}

// SessionEnded implements streams.Handler: it logs one line per ended session, at the instance whose step ended it.
//
// An intended end that left nothing undelivered is logged at debug: with many clients, most lines are such. Others are logged at info, at
// most endedLines a second, the rest at debug.
func (h *Hub) SessionEnded(e *streams.SessionEnd) {
	why := endReason(e.Reason)
	h.expireUnreached(e)
	h.metrics.sessionEnded(why, e.Undelivered)
	level, left := slog.LevelDebug, 0
	if (!why.intended() || e.Undelivered > 0) && why != endUnclaimed && h.log.Enabled(context.Background(), slog.LevelInfo) {
		level, left = h.logLimit.next(time.Now())
	}
	if !h.log.Enabled(context.Background(), level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 14),
		slog.String("how", e.Reason), slog.String("room", short(e.Room)), slog.String("client", short(e.Client)),
		slog.String("role", roleName(e.Role)), slog.String("dialect", dialectLabel(wire.Dialect(e.Dialect))),
		slog.String("held_by", e.Instance), slog.Float64("seconds", e.Lasted.Seconds()), slog.Int("connections", e.Connections),
		slog.Uint64("messages_in", e.In), slog.Uint64("messages_out", e.Out),
		slog.Int("replayed", e.Replayed), slog.Int("superseded", e.Superseded), slog.Int("undelivered", e.Undelivered))
	if left > 0 {
		attrs = append(attrs, slog.Int("lines_left_out", left))
	}
	h.log.LogAttrs(context.Background(), level, "session ended", attrs...)
}

// endedLines bounds the info lines about ended sessions, per second: otherwise, 100,000 windows ending together would log as many lines.
const endedLines = 20

// lineLimit limits lines per second.
type lineLimit struct {
	mu      sync.Mutex
	began   time.Time // guarded by mu, like the fields below: start of the second in which lines are counted
	lines   int       // in that second
	leftOut int       // since the last line
}

// next returns the level of the next line, and how many were suppressed before it.
func (r *lineLimit) next(now time.Time) (slog.Level, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.began) >= time.Second {
		r.began, r.lines = now, 0
	}
	if r.lines == endedLines {
		r.leftOut++
		return slog.LevelDebug, 0
	}
	r.lines++
	left := r.leftOut
	r.leftOut = 0
	return slog.LevelInfo, left
}

// roleName is the role of a member stored as text.
func roleName(text string) string {
	role, _ := wire.ParseRoleText(text)
	return role.Source()
}

const shortLen = 8

// short is what of an id may be logged: enough to find it again, too little to use it.
func short(id string) string { return id[:min(len(id), shortLen)] }
