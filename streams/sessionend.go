package streams

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Tally is the message counts of a session, or of one of its connections.
type Tally struct {
	In, Out uint64 // messages from the client, messages written to it
}

// counts is t as lua/lib.lua adds it up: connections, in, out, replayed, superseded. The others are counted there.
func (t Tally) counts() string {
	b := append(make([]byte, 0, 32), "0 "...)
	b = append(strconv.AppendUint(b, t.In, 10), ' ')
	b = strconv.AppendUint(b, t.Out, 10)
	return string(append(b, " 0 0"...))
}

// Disconnect is how a connection gives up its session.
type Disconnect struct {
	// Acked is the position to flush with it; the zero EntryID means nothing was acknowledged.
	Acked EntryID
	// Reason is one word: the Reason of the SessionEnd, if the session ends with it. Empty: lost.
	Reason string
	Tally  Tally // of this connection
}

func (d Disconnect) reasonOrLost() string {
	if d.Reason == "" {
		return "lost"
	}
	return d.Reason
}

// The reasons of a SessionEnd that are not a caller's.
const (
	ReasonExpired   = "expired"    // its grace window was over
	ReasonUnclaimed = "unclaimed"  // not a session: messages waited for a PeerJS id that no client claimed
	ReasonReplaced  = "replaced"   // a client with another token has its PeerJS id
	ReasonStoreLost = "store_lost" // its client has entries that Redis lost from the tail of its mailbox
)

// SessionEnd is a session that ended for good. Counts cover all its connections, except those whose instance died before reporting.
type SessionEnd struct {
	Room, Client string
	Role         string // see MemberState
	Dialect      byte
	Instance     string // that held it last
	Reason       string // a Disconnect's, or one of the above
	Lasted       time.Duration
	Connections  int
	Tally
	Replayed    int // waiting messages given to its later connections
	Superseded  int // ... and withheld from them
	Undelivered int // messages waiting when it ended
	// Unreached, for a session of a PeerJS id, are the request IDs of these messages, each once: their senders are in other rooms. See Post.
	Unreached []string
}

// parseSessionEnd reads the output of remove in lua/lib.lua.
func parseSessionEnd(room, text string) (e SessionEnd, err error) {
	text, list, _ := strings.Cut(text, "\n")
	w := strings.Split(text, " ")
	if len(w) != 12 || w[1] == "" || len(w[2]) != 1 {
		return e, errReply
	}
	var n [7]uint64
	for i := range n {
		if n[i], err = strconv.ParseUint(w[5+i], 10, 63); err != nil {
			return e, errReply
		}
	}
	undelivered, err := parseUndelivered(list)
	if err != nil {
		return e, err
	}
	var unreached []string
	for _, u := range undelivered {
		if u.RequestID != "" && !slices.Contains(unreached, u.RequestID) {
			unreached = append(unreached, u.RequestID)
		}
	}
	return SessionEnd{
		Unreached: unreached,
		Room:      room, Client: w[0], Role: w[1], Dialect: w[2][0], Instance: w[3], Reason: w[4],
		Undelivered: int(n[0]), Lasted: time.Duration(n[1]) * time.Millisecond, Connections: int(n[2]),
		Tally: Tally{In: n[3], Out: n[4]}, Replayed: int(n[5]), Superseded: int(n[6]),
	}, nil
}

// reportEnds reports the sessions that a script ended to the handler.
func (b *Backbone) reportEnds(room string, list []any) {
	for _, v := range list {
		text, _ := v.(string)
		if e, err := parseSessionEnd(room, text); err == nil && b.handler != nil {
			b.handler.SessionEnded(&e)
		}
	}
}

// Count adds to the tally of a session that goes on with another connection. There is no answer.
func (b *Backbone) Count(room, client string, t Tally) {
	b.run(tallyScript, room, func(*redis.Cmd, error) {}, client, t.counts())
}
