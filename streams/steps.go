package streams

import (
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/streams/internal/pipeline"
)

var errReply = errors.New("unexpected reply of a script")

// SessionRef names one session on one connection: the subject of every step but Attach.
type SessionRef struct {
	Room    string // 64 hex digits
	Client  string // 36 characters
	Session string
}

// Holding says whether the caller still has a session.
type Holding uint8

const (
	// HoldingOurs: it does.
	HoldingOurs Holding = iota
	// HoldingFenced: another connection has it, or it is suspended.
	HoldingFenced
	// HoldingGone: there is no such session any more.
	HoldingGone
	// HoldingEnded: it ended recently, and its peers have been told. Only Sync returns this.
	HoldingEnded
)

func parseHolding(v any) (Holding, error) {
	switch v {
	case "O":
		return HoldingOurs, nil
	case "F":
		return HoldingFenced, nil
	case "G":
		return HoldingGone, nil
	case "E":
		return HoldingEnded, nil
	}
	return 0, errReply
}

func idOrDash(id EntryID) string {
	if id.IsZero() {
		return "-"
	}
	return id.String()
}

// Detach starts the session's grace window, or ends a session that has none.
func (b *Backbone) Detach(ref SessionRef, d Disconnect, done func(Holding, error)) {
	b.run(detachScript, ref.Room, func(cmd *redis.Cmd, err error) {
		if err != nil {
			done(0, err)
			return
		}
		r := reader{list: asList(cmd.Val())}
		holding, err := parseHolding(r.str())
		b.reportEnds(ref.Room, r.list)
		done(holding, err)
	}, ref.Client, ref.Session, idOrDash(d.Acked), b.opt.Grace.Milliseconds(), d.reasonOrLost(), d.Tally.counts())
}

// Position is a client's acknowledged position.
type Position struct {
	// UpTo is the last entry it has; zero: only retire its older token.
	UpTo EntryID
	// Patience is how long this may wait for another call to Redis to travel with.
	Patience time.Duration
}

// Ack moves the client's position and frees the entries up to it. It proves that the client speaks on this connection, so the older token
// is retired.
func (b *Backbone) Ack(ref SessionRef, p Position, done func(Holding, error)) {
	key := roomKey(ref.Room)
	c := &pipeline.Call{Script: ackScript, Key: key, Deadline: time.Now().Add(b.opt.CallTimeout), Done: holdingReply(done)}
	c.Cmd = redis.NewCmd(bg, "EVALSHA", &c.SHA, "2", key, appendMailboxKey(nil, ref.Room, ref.Client), " "+ref.Session+" ", idOrDash(p.UpTo))
	if p.Patience > 0 {
		c.Until, c.Deadline = time.Now().Add(p.Patience), c.Deadline.Add(p.Patience)
	}
	b.pipelines.Put(c)
}

func holdingReply(done func(Holding, error)) func(*redis.Cmd, error) {
	return func(cmd *redis.Cmd, err error) {
		if err != nil {
			done(0, err)
			return
		}
		done(parseHolding(cmd.Val()))
	}
}

// Leave ends a session because its client said goodbye. ended is false if this connection does not have the session.
func (b *Backbone) Leave(ref SessionRef, d Disconnect, done func(ended bool, err error)) {
	b.leave(leaveCall{ref: ref, acked: d.Acked, reason: d.reasonOrLost(), counts: d.Tally.counts()}, func(n int64, err error) { done(n == 0, err) })
}

// Expire ends a session whose grace window is over, from any instance. left is the rest of the window; 0 if the session ended now, negative
// if it is not suspended (resumed, or ended by another caller).
func (b *Backbone) Expire(room, client string, done func(left time.Duration, err error)) {
	b.leave(leaveCall{ref: SessionRef{Room: room, Client: client, Session: "-"}, reason: ReasonExpired, counts: "-"}, func(n int64, err error) {
		done(time.Duration(n)*time.Millisecond, err)
	})
}

// leaveCall has the arguments of lua/leave.lua.
type leaveCall struct {
	ref            SessionRef // its Session is "-" when the window is over
	acked          EntryID
	reason, counts string
}

func (b *Backbone) leave(c leaveCall, done func(int64, error)) {
	b.run(leaveScript, c.ref.Room, func(cmd *redis.Cmd, err error) {
		if err != nil {
			done(-1, err)
			return
		}
		r := reader{list: asList(cmd.Val())}
		n := r.int()
		if r.err != nil {
			done(-1, r.err)
			return
		}
		b.reportEnds(c.ref.Room, r.list)
		done(n, nil)
	}, c.ref.Client, c.ref.Session, idOrDash(c.acked), b.opt.Grace.Milliseconds(), c.reason, c.counts)
}

// Overdue deletes messages whose TTL is over while their receiver is away, and notifies the senders (BellOverdue, Attached.Undelivered).
// next is when to ask again, 0 if no waiting message has a TTL.
func (b *Backbone) Overdue(room, client string, done func(next time.Duration, err error)) {
	b.run(overdueScript, room, func(cmd *redis.Cmd, err error) {
		ms, ok := cmd.Val().(int64)
		if err == nil && !ok {
			err = errReply
		}
		done(time.Duration(ms)*time.Millisecond, err)
	}, client)
}

// Told makes Redis forget messages whose TTL was over (Undelivered.Late), once their sender has proven that it knows.
func (b *Backbone) Told(room, client string, list []Undelivered, done func(error)) {
	args := make([]any, 0, 1+len(list))
	args = append(args, client)
	for _, u := range list {
		args = append(args, u.appendKept(nil))
	}
	b.run(toldScript, room, func(_ *redis.Cmd, err error) { done(err) }, args...)
}

// Undo undoes an attach whose answer never came. The session is found by ref.Session, the attach's session number; ref.Client is the client
// ID for a fresh session (Attach.NewClient). suspended is the client whose session is suspended again, "" if none.
func (b *Backbone) Undo(ref SessionRef, reason string, done func(suspended string, err error)) {
	b.run(undoScript, ref.Room, func(cmd *redis.Cmd, err error) {
		if err != nil {
			done("", err)
			return
		}
		r := reader{list: asList(cmd.Val())}
		suspended := r.str()
		if r.err != nil {
			done("", r.err)
			return
		}
		b.reportEnds(ref.Room, r.list)
		if suspended == "-" {
			suspended = ""
		}
		done(suspended, nil)
	}, ref.Session, ref.Client, b.opt.Grace.Milliseconds(), Disconnect{Reason: reason}.reasonOrLost())
}

// Claims returns the live sessions of a room that Redis places with this instance.
func (b *Backbone) Claims(room string, done func([]SessionRef, error)) {
	b.run(claimsScript, room, func(cmd *redis.Cmd, err error) {
		if err != nil {
			done(nil, err)
			return
		}
		r := reader{list: asList(cmd.Val())}
		done(r.claims(room), r.err)
	}, b.opt.Instance)
}

// claims reads clientId, session, … to the end.
func (r *reader) claims(room string) (list []SessionRef) {
	for len(r.list) > 0 && r.err == nil {
		list = append(list, SessionRef{Room: room, Client: r.str(), Session: r.str()})
	}
	return list
}

// Probe asks whether the connection of a client is alive; see BellProbe.
type Probe struct {
	Room, Client string
	ReplyTo      string // the instance that asks
	Nonce        string
}

// Alive answers a probe: the connection is alive.
func (b *Backbone) Alive(p Probe) {
	c := b.newCall(aliveScript, roomKey(p.Room), func(*redis.Cmd, error) {}, []any{p.ReplyTo, p.Nonce + p.Client}) // not retried for longer than the probe lasts
	c.Unmarked, c.Deadline = true, time.Now().Add(probeTimeout)
	b.pipelines.Put(c)
}

// Synced is the result of Sync.
type Synced struct {
	Holding Holding
	Version uint64 // of the room
	Last    EntryID
	More    bool // entries follow those given
	Peers   []Peer
	Entries []Entry
	Claims  []SessionRef // see Backbone.Claims
	// Undelivered are messages to peers whose sessions ended while this instance had no subscription. Every Sync returns them, and those
	// whose TTL was over (Late), until Told.
	Undelivered []Undelivered
}

// Reading says where to start reading a mailbox.
type Reading struct {
	After EntryID
	// Counted: the entries were counted by a resume (Attached.Replay), so they are returned even if their TTL is over by now.
	Counted bool
}

// Sync reads what a connection may have missed: presence, and one page of the mailbox after an entry. It renews the lifetime of the room's
// keys, and takes back a session that others believed lost.
func (b *Backbone) Sync(ref SessionRef, r Reading, done func(Synced, error)) {
	counted := "0"
	if r.Counted {
		counted = "1"
	}
	b.run(syncScript, ref.Room, func(cmd *redis.Cmd, err error) {
		if err != nil {
			done(Synced{}, err)
			return
		}
		done(parseSynced(ref.Room, cmd.Val()))
	}, ref.Client, ref.Session, r.After.String(), b.opt.PageEntries, b.opt.PageBytes, roomLifetime.Milliseconds(), counted)
}

func parseSynced(room string, v any) (s Synced, err error) {
	r := reader{list: asList(v)}
	if s.Holding, err = parseHolding(r.str()); err != nil || s.Holding != HoldingOurs {
		return s, err
	}
	s.Version, s.Last, s.More = r.uint(), r.id(), r.int() == 1
	s.Peers, s.Entries = r.peers(), r.entries()
	claims := reader{list: asList(r.next())}
	s.Claims = claims.claims(room)
	list := r.str()
	if _, since, told := strings.Cut(list, undeliveredTold+strings.Repeat("0", digits)); told {
		list = since // the session frame already told the rest
	}
	var listErr error
	s.Undelivered, _, listErr = parseKept(list)
	return s, errors.Join(r.err, claims.err, listErr)
}
