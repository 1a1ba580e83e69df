package signaling

import (
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// Order: every message names the one before it, and Redis stores it only if that one was answered for good
// (streams/lua/send.lua). So whatever becomes of a message, refused, given up or carried out late, those behind it never overtake
// it. What is left to do here is to know which message is the one before.
//
// A rejoin.v1 client sends again what was not stored, and all behind it: until it does, what is behind is refused here, and when it
// does, the message names what it named the first time. A plain client has been told that the message failed: its next one
// begins the order anew.

// gap is a message of a rejoin.v1 client that was not stored and is waited for.
type gap struct {
	print  uint64 // its fingerprint; 0: there is no gap
	before uint64 // that of the message before it
	// behind is the first that was refused for it. When that one comes again, and the one that is waited for has not come before
	// it, the client has read the answers and has given it up. A client that reads late has not, however late: time tells nothing.
	behind uint64
	until  time.Time // the backstop
}

// follow counts a message in. It returns its fingerprint and that of the message before it, 0 if there is none that
// matters; false: it has to wait for an earlier one. The shard is locked.
func (s *Session) follow(m wire.Message, target wire.ClientID) (print, before uint64, ok bool) {
	if s.dialect != wire.RejoinV1 {
		if s.sends > 0 && !s.anew {
			before = s.plainPrint(s.sends)
		}
		s.sends++
		s.anew = false
		return s.plainPrint(s.sends), before, true
	}
	s.sends++
	print, x := fingerprint(m.RequestID, target), s.more()
	if before = x.before; s.anew {
		before = 0
	}
	if g := &x.gap; g.print != 0 {
		switch {
		case g.print == print:
			if !s.anew { // or Redis may have lost that one
				before = g.before
			}
		case g.behind == print, time.Now().After(g.until):
			before = 0
		default:
			if g.behind == 0 {
				g.behind = print
			}
			return print, 0, false
		}
		*g = gap{}
	}
	x.before, s.anew = print, false
	return print, before, true
}

// missed notes that a message was not stored. Behind the first one it changes nothing: that one is waited for. The shard is locked.
func (s *Session) missed(print, before uint64, outOfOrder bool) {
	if s.state != live {
		return
	}
	if s.dialect != wire.RejoinV1 {
		s.anew = true
		return
	}
	g := &s.more().gap
	if g.print != 0 && time.Now().Before(g.until) {
		return
	}
	if outOfOrder {
		before = 0 // Redis lost what it had confirmed: there is nothing to wait for
	}
	// By then a client that does not read is closed, for it does not answer pings either.
	*g = gap{print: print, before: before, until: time.Now().Add(2*s.hub.cfg.PingInterval + time.Second)}
}
