package signaling

import (
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// Connections whose token has expired or was revoked.

// tokenNotice is how long before its token expires a rejoin.v1 client is asked to come back with a fresh one.
const tokenNotice = 30 * time.Second

// identify records the identity in the client's token. It reports false for a useless token: revoked by now, or late with no session to
// resume. The shard is locked.
func (a *Attachment) identify(who *wire.Identity, now time.Time) (reason string, ok bool) {
	if who == nil {
		return "", true
	}
	a.hub.tokens.Store(true)
	a.ensureExtra().who = who
	r := &a.opening().request
	if r.User = who.User; who.Late {
		r.NewClient = ""
	}
	switch {
	case a.hub.revoked(who, now):
		return wire.ReasonTokenRevoked, false
	case who.Late && r.Resume == "" && !r.Claim:
		return wire.ReasonTokenExpired, false
	}
	return "", true
}

func (h *Hub) revoked(who *wire.Identity, now time.Time) bool {
	return h.cfg.Revoked != nil && h.cfg.Revoked(who, now)
}

// Recheck ends the connections whose tokens have been revoked, within a second. It does not block.
func (h *Hub) Recheck() {
	h.recheck.Store(true)
	h.nudge()
}

// evictRevoked ends the connections whose tokens have been revoked.
func (h *Hub) evictRevoked() {
	if !h.recheck.Swap(false) {
		return
	}
	now := time.Now()
	h.each(func(s *Attachment) {
		if s.extra != nil && s.extra.who != nil && h.revoked(s.extra.who, now) {
			s.evict(endRevoked, wire.CloseToken, wire.ReasonTokenRevoked)
		}
	})
}

// expireTokens asks clients whose tokens expire soon to come back with a fresh one, and closes the connections of those that did not.
func (h *Hub) expireTokens(now time.Time) {
	if !h.tokens.Load() {
		return
	}
	h.each(func(s *Attachment) {
		if s.state == live && s.extra != nil && s.extra.who != nil {
			s.expireToken(now)
		}
	})
}

// expireToken does so for one client. The shard is locked.
func (a *Attachment) expireToken(now time.Time) {
	left := a.extra.who.Expires.Sub(now)
	if a.extra.who.Late {
		left += a.hub.backbone.Grace()
	}
	switch c := a.conn; {
	case left <= 0:
		a.detach(endTokenExpired, func() { c.Close(wire.CloseToken, wire.ReasonTokenExpired) })
	case !a.extra.expiring && a.dialect == wire.RejoinV1 && (left <= tokenNotice || a.extra.who.Late):
		a.extra.expiring = true
		within := min(left, tokenNotice) / 2 // the rest covers the round trip
		a.sendFrame(func(dst []byte) []byte { return wire.AppendGoAway(dst, within.Milliseconds(), wire.GoAwayAuth) })
	}
}

// evict ends a session for good, regardless of its client. The shard is locked.
func (a *Attachment) evict(why endReason, code wire.CloseCode, reason string) {
	switch a.state {
	case attaching:
		a.opening().evicted = why // also ends the session that it resumes
		a.closeAttaching(ClosedByServer, code, reason)
	case live:
		c := a.conn
		a.endSession(why)
		c.Close(code, reason)
	case closed:
	}
}

// removedByOperator closes a connection whose session the operator has ended: Redis and the peers know already. The shard is locked.
func (a *Attachment) removedByOperator() {
	switch a.state {
	case attaching:
		a.closeAttaching(ClosedByServer, wire.CloseRemoved, wire.ReasonRemoved)
	case live:
		a.disconnect(endRemoved)
		a.close()
		a.conn.Close(wire.CloseRemoved, wire.ReasonRemoved)
	case closed:
	}
}
