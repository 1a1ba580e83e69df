package streams

import (
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

var errReply = errors.New("unexpected reply of a script")

// Held names one session on one connection: what every step but Attach is about.
type Held struct {
	Room    string // 64 hex digits
	Client  string // 36 characters
	Session string
}

// Hold says whether a session is still its caller's.
type Hold uint8

const (
	// HoldOK: it is.
	HoldOK Hold = iota
	// HoldFenced: another connection has it, or it is suspended.
	HoldFenced
	// HoldGone: there is no such session any more.
	HoldGone
	// HoldEnded: it was ended lately, and its peers have been told. Only Sync knows.
	HoldEnded
)

func holdOf(v any) (Hold, error) {
	switch v {
	case "O":
		return HoldOK, nil
	case "F":
		return HoldFenced, nil
	case "G":
		return HoldGone, nil
	case "E":
		return HoldEnded, nil
	}
	return 0, errReply
}

func idOrDash(id EntryID) string {
	if id.IsZero() {
		return "-"
	}
	return id.String()
}

// Detach starts the session's grace window, or ends a session that keeps none.
func (b *Backbone) Detach(h Held, p Parting, done func(Hold, error)) {
	b.run(detachScript, h.Room, func(cmd *redis.Cmd, err error) {
		if err != nil {
			done(0, err)
			return
		}
		r := reader{list: asList(cmd.Val())}
		hold, err := holdOf(r.str())
		b.ended(h.Room, r.list)
		done(hold, err)
	}, h.Client, h.Session, idOrDash(p.Acked), b.opt.Grace.Milliseconds(), p.how(), p.Tally.did())
}

// Ack moves the client's position to id and frees what lies before it. It proves that the client speaks on
// this connection, so the token before the current one is retired; with the zero EntryID that is all.
func (b *Backbone) Ack(h Held, id EntryID, done func(Hold, error)) {
	b.run(ackScript, h.Room, holdReply(done), h.Client, h.Session, idOrDash(id))
}

func holdReply(done func(Hold, error)) func(*redis.Cmd, error) {
	return func(cmd *redis.Cmd, err error) {
		if err != nil {
			done(0, err)
			return
		}
		done(holdOf(cmd.Val()))
	}
}

// Leave ends a session at its client's wish. ended is false when it was not this connection's to end.
func (b *Backbone) Leave(h Held, p Parting, done func(ended bool, err error)) {
	b.leave(h, idOrDash(p.Acked), p.how(), p.Tally.did(), func(n int64, err error) { done(n == 0, err) })
}

// Expire ends a session whose grace window is over, whoever held it. left is what remains of the window,
// 0 when the session ended now, negative when it is not suspended (resumed, or ended by another caller).
func (b *Backbone) Expire(room, client string, done func(left time.Duration, err error)) {
	b.leave(Held{Room: room, Client: client, Session: "-"}, "-", EndedExpired, "-", func(n int64, err error) {
		done(time.Duration(n)*time.Millisecond, err)
	})
}

func (b *Backbone) leave(h Held, acked, how, did string, done func(int64, error)) {
	b.run(leaveScript, h.Room, func(cmd *redis.Cmd, err error) {
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
		b.ended(h.Room, r.list)
		done(n, nil)
	}, h.Client, h.Session, acked, b.opt.Grace.Milliseconds(), how, did)
}

// Overdue deletes what waits for a client that is away and has a TTL that is over, and has the senders told (BellOverdue, Attached.Undelivered).
// next is in how long to ask again, 0 when nothing waits that has a TTL.
func (b *Backbone) Overdue(room, client string, done func(next time.Duration, err error)) {
	b.run(overdueScript, room, func(cmd *redis.Cmd, err error) {
		ms, ok := cmd.Val().(int64)
		if err == nil && !ok {
			err = errReply
		}
		done(time.Duration(ms)*time.Millisecond, err)
	}, client)
}

// Undo gives up whatever an attach got that was never answered: the session number tells. clientID is that of a fresh session (Attach.NewClient).
// waits is the client whose session waits for it again, "" for none.
func (b *Backbone) Undo(room, session, clientID, how string, done func(waits string, err error)) {
	b.run(undoScript, room, func(cmd *redis.Cmd, err error) {
		if err != nil {
			done("", err)
			return
		}
		r := reader{list: asList(cmd.Val())}
		waits := r.str()
		if r.err != nil {
			done("", r.err)
			return
		}
		b.ended(room, r.list)
		if waits == "-" {
			waits = ""
		}
		done(waits, nil)
	}, session, clientID, b.opt.Grace.Milliseconds(), Parting{How: how}.how())
}

// Claims tells which live sessions of a room this instance is said to hold.
func (b *Backbone) Claims(room string, done func([]Held, error)) {
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
func (r *reader) claims(room string) (list []Held) {
	for len(r.list) > 0 && r.err == nil {
		list = append(list, Held{Room: room, Client: r.str(), Session: r.str()})
	}
	return list
}

// Alive answers a probe of the instance replyTo: the connection of client in room is alive.
func (b *Backbone) Alive(room, replyTo, nonce, client string) {
	c := b.newCall(aliveScript, roomKey(room), func(*redis.Cmd, error) {}, []any{replyTo, nonce + client}) // unanswered is answer enough
	c.Unmarked, c.Deadline = true, time.Now().Add(probeTimeout)
	b.pipelines.Put(c)
}

// Synced is what Sync knows.
type Synced struct {
	Hold    Hold
	Version uint64 // of the room
	Last    EntryID
	More    bool // entries follow those given
	Peers   []Peer
	Entries []Entry
	Claims  []Held // see Backbone.Claims
	// Undelivered are messages to peers whose sessions ended while nobody listened where this connection is. They are given at every Sync.
	Undelivered []Undelivered
}

// Reading is from where a mailbox is read.
type Reading struct {
	After EntryID
	// Counted: what is read was counted by a resume (Attached.Replay), so it is given even if its time is over since.
	Counted bool
}

// Sync reads what a connection may have missed: who is present, and the mailbox after an entry, one page.
// It renews the lifetime of the room's keys. It takes back a session that others believed lost.
func (b *Backbone) Sync(h Held, r Reading, done func(Synced, error)) {
	counted := "0"
	if r.Counted {
		counted = "1"
	}
	b.run(syncScript, h.Room, func(cmd *redis.Cmd, err error) {
		if err != nil {
			done(Synced{}, err)
			return
		}
		done(parseSynced(h.Room, cmd.Val()))
	}, h.Client, h.Session, r.After.String(), b.opt.PageEntries, b.opt.PageBytes, held.Milliseconds(), counted)
}

func parseSynced(room string, v any) (s Synced, err error) {
	r := reader{list: asList(v)}
	if s.Hold, err = holdOf(r.str()); err != nil || s.Hold != HoldOK {
		return s, err
	}
	s.Version, s.Last, s.More = r.uint(), r.id(), r.int() == 1
	s.Peers, s.Entries = r.peers(), r.entries()
	claims := reader{list: asList(r.next())}
	s.Claims = claims.claims(room)
	list, _ := strings.CutSuffix(r.str(), undeliveredCut)
	var listErr error
	s.Undelivered, listErr = parseUndelivered(list)
	return s, errors.Join(r.err, claims.err, listErr)
}
