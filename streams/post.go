package streams

import (
	"encoding/binary"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/streams/internal/pipeline"
)

// Post is a message for a PeerJS id (Attach.Claim), from outside its room. Strings are as in SessionRef.
type Post struct {
	Room, Client string // of the id
	Role         string // of the member that has it: see MemberState
	// Fingerprint identifies a message for this id, so that a repeat is recognized.
	Fingerprint uint64
	// Before is the fingerprint of the sender's previous message, while that is pending: unless it was stored, this one is OutOfOrder. 0:
	// there is none.
	Before uint64
	// Box is how long the message waits for a client to claim the id, if no client has it; 0: the outcome is Missing.
	Box      time.Duration
	Deadline time.Time // the latest time for the answer; zero: CallTimeout from now
	Kind     byte      // see Body
	// RequestID is reported when a session ends without having read the message (SessionEnd.Unreached); empty: it is not.
	RequestID []byte
	Data      []byte
	Trace     []byte // see Message
}

// Posted is the outcome of a Post.
type Posted struct {
	Outcome Outcome // Stored, StoredBefore, Missing, MailboxFull or OutOfOrder
	// Waits: no client with the id is connected now. Its grace window, or its box if it is Boxed, ends after Left: call Expire then.
	Waits, Boxed bool
	Left         time.Duration
}

// Post stores a message for a PeerJS id, once per fingerprint, and rings. It does not check whether the sender still has its session, which
// is in another room, perhaps at another primary. Messages for one id are stored in the order of the calls.
func (b *Backbone) Post(p Post, done func(Posted, error)) {
	print, before := make([]byte, 8), ""
	binary.LittleEndian.PutUint64(print, p.Fingerprint)
	if p.Before != 0 {
		before = string(binary.LittleEndian.AppendUint64(nil, p.Before))
	}
	body := AppendBody(make([]byte, 0, bodyHeadLen+len(p.RequestID)+len(p.Data)), p.Kind, []byte(Server), p.RequestID, p.Data)
	key := roomKey(p.Room)
	c := &pipeline.Call{Script: postScript, Key: key, Deadline: p.Deadline, Sender: key}
	if c.Deadline.IsZero() {
		c.Deadline = time.Now().Add(b.opt.CallTimeout)
	}
	c.Done = func(cmd *redis.Cmd, err error) { b.posted(&p, cmd, err, done) }
	mailbox := string(appendMailboxKey(nil, p.Room, p.Client))
	c.Cmd = redis.NewCmd(bg, "EVALSHA", &c.SHA, "2", key, mailbox,
		p.Client, print, body, before, p.Box.Milliseconds(), p.Role, b.opt.Instance, p.Trace)
	b.pipelines.Put(c)
}

func (b *Backbone) posted(p *Post, cmd *redis.Cmd, err error, done func(Posted, error)) {
	if err != nil {
		done(Posted{}, err)
		return
	}
	r, became := reader{list: asList(cmd.Val())}, Posted{}
	word := r.str()
	became.Left = time.Duration(r.int()) * time.Millisecond
	b.reportEnds(p.Room, r.list)
	switch word {
	case "S":
		became.Outcome = Stored
	case "N":
		// Its instance is dead, or subscribing again. Once that is known, a window begins that no other instance may know of.
		became = Posted{Outcome: Stored, Waits: true, Left: b.opt.Grace}
		b.suspendDead(p.Room, p.Client)
	case "W":
		became.Outcome, became.Waits = Stored, true
	case "A":
		became.Outcome, became.Waits, became.Boxed = Stored, true, true
	case "D":
		became.Outcome = StoredBefore
	case "M":
		became.Outcome = Missing
	case "B":
		became.Outcome = MailboxFull
	case pipeline.OutOfOrder:
		became.Outcome = OutOfOrder
	default:
		r.err = errReply
	}
	done(became, r.err)
}
