package streams

import (
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/streams/internal/pipeline"
)

// Attach asks for a session on a new connection. Strings are as in SessionRef.
type Attach struct {
	Room, Session string
	Role          string // see MemberState
	Dialect       byte
	// Keep: the session outlives a lost connection by the grace window.
	Keep bool
	// NewClient is the client ID for a fresh session; empty: none is allowed, see NotResumed.
	NewClient string
	// TokenHash is the hash of the token needed to resume the fresh session; empty for one without a token.
	TokenHash string
	// Resume, if not empty, is the client to resume; ResumeHash is the hash of the token shown for it, ResumedHash that of its next token.
	// After is the last entry it has (zero: its acknowledged position).
	Resume, ResumeHash, ResumedHash string
	After                           EntryID
	// Claim asks for a PeerJS id, whose room has one member: NewClient, for TokenHash. See Taken, Post.
	Claim bool
	// Holder is the session that an attach with the verdict Held returned.
	Holder string
	// Started is when this connection's request arrived: a client's own slow attempt does not evict its newer one.
	Started time.Time
	// Deadline is the latest time for the answer; zero: CallTimeout from now.
	Deadline time.Time
	// Probed: the live plain sessions of the same role have been probed; Dead are those that did not answer.
	Probed bool
	Dead   []SessionRef
	// User is the session's user, "" for none. Only the same user can resume a session, or take it over.
	User string
	// Trace, unless empty, is one word that the session's next connection gets as Attached.Link.
	Trace string
}

// Verdict is the outcome of an attach.
type Verdict uint8

const (
	// Fresh: a new session. If a resume was asked for, Refusal says why it was refused.
	Fresh Verdict = iota
	// Resumed: the requested session, or one taken over or restored.
	Resumed
	// Contested: nothing is done yet. Live sessions of the same role are being probed; attach again
	// with Probed when they answered or ProbeTimeout is over.
	Contested
	// RoomFull: no more sessions are allowed in this room.
	RoomFull
	// NotResumed: the session cannot be resumed, and no fresh one was allowed.
	NotResumed
	// Taken: another client, which lives, has the id (Claim).
	Taken
	// RestoreFenced: another connection holds the session (Restore).
	RestoreFenced
	// RestoreEnded: the session ended recently, and its peers have been told (Restore).
	RestoreEnded
	// Held: nothing is done yet. The token may belong to an attempt that its client gave up. If the client is still connected, attach
	// again, with the session in Attached.Contested as the Holder.
	Held
)

// Refusal says why a resume was refused.
type Refusal uint8

const (
	NotRefused      Refusal = iota
	RefusedUnknown          // no such session
	RefusedMismatch         // another role, another user, another token
	RefusedLost             // the cursor is beyond the mailbox's last entry ever
)

// Peer is a member that another may send to: the source of each is the target of the other.
type Peer struct {
	Client    string
	Suspended bool
	Left      time.Duration // of its window, when suspended
	Dialect   byte
	Keep      bool
	Session   string
	Instance  string
	User      string // see Attach
}

// Attached is the outcome of Attach and Restore.
type Attached struct {
	Verdict    Verdict
	Refusal    Refusal
	Client     string
	Epoch      uint64
	Version    uint64
	Last       EntryID // of the mailbox, ever
	Replay     int     // entries waiting, including those in Entries
	Superseded int     // entries dropped because they must not be replayed
	More       bool    // entries follow those given
	Peers      []Peer  // oldest first
	Entries    []Entry
	// Undelivered are messages to peers whose sessions ended while this client was away, or perhaps unaware of it. Every resume returns
	// them until the client has spoken (Send, Ack). UndeliveredCut: there were more than are kept.
	Undelivered    []Undelivered
	UndeliveredCut bool
	Contested      []SessionRef
	Nonce          string // of the probes, when Contested
	Link           string // the Trace of the session's previous connection, if any
}

// ProbeTimeout is how long a probed connection has to prove that it is alive.
const ProbeTimeout = probeTimeout

// Attach gives a connection a session: a resumed one, one taken over, or a new one.
func (b *Backbone) Attach(a Attach, done func(Attached, error)) {
	if a.Resume != "" {
		b.resume(a, done)
		return
	}
	script, nonce, args, waited := joinScript, "-", b.attachArgs(&a), new(int64)
	if !a.Probed {
		nonce = randomHex(8)
	}
	if a.Claim {
		script, args[claimMembers] = claimScript, 1
		args = append(args, waited, nonce, dash(a.Holder))
		for _, ref := range a.Dead {
			args = append(args, ref.Session)
		}
	} else {
		args = append(args, nonce)
		for _, ref := range a.Dead {
			args = append(args, ref.Client, ref.Session)
		}
	}
	b.pipelines.Put(b.attachCall(script, &a, args, waited, b.attachReply(a.Room, nonce, done)))
}

// attachCall is a call of a script of lua/session.lua. The argument waited is updated at every attempt: while this instance cannot reach
// Redis, the client may have come back elsewhere.
func (b *Backbone) attachCall(s *pipeline.Script, a *Attach, args []any, waited *int64, done func(*redis.Cmd, error)) *pipeline.Call {
	c := b.newCall(s, roomKey(a.Room), done, args)
	if !a.Started.IsZero() {
		c.Waited, c.Started = waited, a.Started
	}
	if !a.Deadline.IsZero() {
		c.Deadline = a.Deadline
	}
	return c
}

// Restore attaches one's own session again, with a fresh epoch, after the primary changed or lost its data. a.NewClient is the session's
// client, a.Session its number, a.TokenHash and a.ResumeHash its current and previous token, a.After the last delivered entry.
func (b *Backbone) Restore(a Attach, done func(Attached, error)) {
	b.run(restoreScript, a.Room, b.attachReply(a.Room, "-", done), append(b.attachArgs(&a), dash(a.ResumeHash), a.After.String())...)
}

// claimMembers is the index in attachArgs of the most sessions in a room.
const claimMembers = 9

// attachArgs are the arguments that lua/session.lua reads.
func (b *Backbone) attachArgs(a *Attach) []any {
	keep := "0"
	if a.Keep {
		keep = "1"
	}
	return []any{
		a.Role, string(a.Dialect), keep, b.opt.Instance, a.Session, dash(a.NewClient), dash(a.TokenHash),
		b.opt.Grace.Milliseconds(), roomLifetime.Milliseconds(), b.opt.RoomClients, b.opt.PageEntries, b.opt.PageBytes, dash(a.Trace),
		userWord(a.User),
	}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (b *Backbone) attachReply(room, nonce string, done func(Attached, error)) func(*redis.Cmd, error) {
	return func(cmd *redis.Cmd, err error) {
		if err != nil {
			done(Attached{}, err)
			return
		}
		a, ended, err := parseAttached(room, cmd.Val(), nil)
		b.reportEnds(room, ended)
		a.Nonce = nonce
		done(a, err)
	}
}

// parseAttached reads the reply of a script, v. If the script left the entries to its caller, quick gets the time of Redis and returns
// them.
func parseAttached(room string, v any, quick func(now int64) []Entry) (a Attached, ended []any, err error) {
	r := reader{list: asList(v)}
	switch verdict := r.str(); verdict {
	case "N":
		a.Verdict = Fresh
	case "R":
		a.Verdict = Resumed
	case "C", "H":
		a.Verdict = Contested
		if verdict == "H" {
			a.Verdict = Held
		}
		ended = asList(r.next())
		for len(r.list) > 0 {
			a.Contested = append(a.Contested, SessionRef{Room: room, Client: r.str(), Session: r.str()})
		}
		if len(a.Contested) == 0 && r.err == nil {
			r.err = errReply
		}
		return a, ended, r.err
	case "B":
		return Attached{Verdict: RoomFull}, asList(r.next()), nil
	case "T":
		return Attached{Verdict: Taken}, asList(r.next()), nil
	case "X":
		return Attached{Verdict: NotResumed}, asList(r.next()), nil
	case "F":
		return Attached{Verdict: RestoreFenced}, nil, nil
	case "E":
		return Attached{Verdict: RestoreEnded}, nil, nil
	default:
		return a, nil, errReply
	}
	a.Client, a.Epoch, a.Version, a.Last = r.str(), r.uint(), r.uint(), r.id()
	a.Replay, a.Superseded, a.More = int(r.int()), int(r.int()), r.int() == 1
	a.Peers = r.peers()
	if now, ok := r.peek().(int64); ok && quick != nil {
		r.next()
		a.Entries = quick(now)
	} else {
		a.Entries = r.entries()
	}
	if a.Undelivered, a.UndeliveredCut, err = parseKept(r.str()); err != nil {
		return a, nil, err
	}
	switch r.str() {
	case "N":
		a.Refusal = RefusedUnknown
	case "M":
		a.Refusal = RefusedMismatch
	case "L":
		a.Refusal = RefusedLost
	}
	ended = asList(r.next())
	a.Link = r.str()
	return a, ended, r.err
}
