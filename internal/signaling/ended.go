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

// how says how a connection, or a session, ended.
type how string

const (
	howLeft         how = "left"          // its client closed
	howLost         how = "lost"          // the connection broke, and nobody waits for such a client
	howPolicy       how = "policy"        // closed for cause: protocol, rate, size
	howDrained      how = "drained"       // this instance ends
	howRotated      how = "rotated"       // MAX_CONNECTION_AGE
	howInstanceLost how = "instance_lost" // its instance did not renew its lease
	howNotAttached  how = "not_attached"  // Redis did not answer in time: no client was told of it
	howRevoked      how = "revoked"       // its token was revoked
	howTokenExpired how = "token_expired" // and its client did not show a fresh one in time
	howRemoved      how = streams.EndedRemoved
	howExpired      how = streams.EndedExpired
	howStoreLost    how = streams.EndedStoreLost

	// The session goes on, or others ended it:
	howAway     how = "away"     // a rejoin.v1 client closed, and may come back
	howFenced   how = "fenced"   // another connection has it
	howOutlived how = "outlived" // it was ended while this instance was frozen or cut off
)

// hows are those of a session's end.
var hows = []how{
	howLeft, howLost, howPolicy, howDrained, howRotated, howInstanceLost, howNotAttached, howRevoked, howTokenExpired,
	howRemoved, howExpired, howStoreLost,
}

// howOf reads how a connection ended that this package did not end itself, or gave up before it was attached.
func (h *Hub) howOf(e End) how {
	switch e.Kind {
	case EndClient:
		return howLeft
	case EndPolicy:
		return howPolicy
	case EndLocal:
		return h.sending()
	case EndLost:
	}
	return howLost
}

// sending is why this instance sends a client away.
func (h *Hub) sending() how {
	if h.draining.Load() {
		return howDrained
	}
	return howRotated
}

// asked reports whether the end is one that the client, or the operator, wanted.
func (h how) asked() bool {
	return slices.Contains([]how{howLeft, howDrained, howRotated, howRevoked, howRemoved}, h)
}

// part says what this connection did, for its session's tally, and logs that it has ended. The shard is locked.
func (s *Session) part(h how) streams.Parting {
	p := streams.Parting{Acked: s.acked, How: string(h), Tally: streams.Tally{In: uint64(s.sends), Out: uint64(s.out)}}
	if s.hub.log.Enabled(context.Background(), slog.LevelDebug) {
		s.hub.log.LogAttrs(context.Background(), slog.LevelDebug, "connection ended",
			slog.String("how", string(h)), slog.String("room", short(s.room.String())), slog.String("client", short(s.id.String())),
			slog.String("role", s.role().String()), slog.String("dialect", dialectLabel(s.dialect)),
			slog.Int64("seconds", int64(s.age(time.Now()).Seconds())), slog.Uint64("messages_in", p.Tally.In), slog.Uint64("messages_out", p.Tally.Out))
	}
	return p
}

// Ended implements streams.Handler: one line for each session that ends, at the instance whose step ended it.
//
// An end that somebody wanted and that left nothing undelivered is of level debug: with many clients they are most of
// all lines. The others are of level info, at most endedLines a second, and debug beyond.
func (h *Hub) Ended(e *streams.Ended) {
	why := how(e.How)
	h.metrics.ended(why, e.Undelivered)
	level, left := slog.LevelDebug, 0
	if (!why.asked() || e.Undelivered > 0) && h.log.Enabled(context.Background(), slog.LevelInfo) {
		level, left = h.unusual.next(time.Now())
	}
	if !h.log.Enabled(context.Background(), level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 14),
		slog.String("how", e.How), slog.String("room", short(e.Room)), slog.String("client", short(e.Client)),
		slog.String("role", roleName(e.Role)), slog.String("dialect", dialectLabel(wire.Dialect(e.Dialect))),
		slog.String("held_by", e.Instance), slog.Float64("seconds", e.Lasted.Seconds()), slog.Int("connections", e.Connections),
		slog.Uint64("messages_in", e.In), slog.Uint64("messages_out", e.Out),
		slog.Int("replayed", e.Replayed), slog.Int("superseded", e.Superseded), slog.Int("undelivered", e.Undelivered))
	if left > 0 {
		attrs = append(attrs, slog.Int("lines_left_out", left))
	}
	h.log.LogAttrs(context.Background(), level, "session ended", attrs...)
}

// endedLines bounds the lines of level info about ends, per second: 100,000 windows that end together would be as many lines.
const endedLines = 20

// ration bounds lines.
type ration struct {
	mu      sync.Mutex
	began   time.Time // guarded by mu, as what follows: of the second that lines are counted in
	lines   int       // in that second
	leftOut int       // since the last line
}

// next returns the level of the next line, and how many were left out before it.
func (r *ration) next(now time.Time) (slog.Level, int) {
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

// roleName is what a member that is stored as text calls itself.
func roleName(text string) string {
	role, _ := wire.ParseRoleText(text)
	return role.Source()
}

const shortLen = 8

// short is what of an id may be logged: enough to find it again, too little to use it.
func short(id string) string { return id[:min(len(id), shortLen)] }
