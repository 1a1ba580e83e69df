package streams

import (
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Operator actions on a room, from any instance.

// ReasonRemoved is the reason of a session that Remove ended.
const ReasonRemoved = "removed"

// Server is the sender of a Notice, in place of a client's ID.
const Server = "00000000-0000-0000-0000-000000000000"

// Remove ends the session of a client, or with "" all of a room, for good. Their connections get a BellRemoved, their peers the usual
// notice of an end. n is how many there were; a client whose session ended recently counts.
func (b *Backbone) Remove(room, client string, done func(n int, err error)) {
	b.run(removeScript, room, func(cmd *redis.Cmd, err error) {
		if err != nil {
			done(0, err)
			return
		}
		r := reader{list: asList(cmd.Val())}
		n := int(r.int())
		b.reportEnds(room, r.list)
		done(n, r.err)
	}, dash(client), b.opt.Grace.Milliseconds())
}

// Notice is a message from the operator, to one client or to all with a role.
type Notice struct {
	Room         string
	Client, Role string // one of them is empty
	// Fingerprint identifies a notice within its room: a repeat gets the same answer as the first, and is not stored.
	Fingerprint uint64
	Kind        byte          // see Body
	TTL         time.Duration // unless 0, how long it may be delivered; at least a millisecond
	RequestID   []byte        // at most MaxRequestID bytes
	Data        []byte
}

// Noticed is the outcome of a Notice.
type Noticed struct {
	Stored int // mailboxes that have it
	Full   int // mailboxes that were full
	Plain  int // clients that would not understand it: only dialect 'r' does
}

// Notify stores a message from the operator in mailboxes, and rings. A suspended session gets it when its client is back.
func (b *Backbone) Notify(n Notice, done func(Noticed, error)) {
	body := AppendBody(nil, n.Kind, []byte(Server), n.RequestID, n.Data)
	b.run(noticeScript, n.Room, func(cmd *redis.Cmd, err error) {
		if err != nil {
			done(Noticed{}, err)
			return
		}
		r := reader{list: asList(cmd.Val())}
		became := Noticed{int(r.int()), int(r.int()), int(r.int())}
		done(became, r.err)
	}, fmt.Sprintf("%016x", n.Fingerprint), dash(n.Client), dash(n.Role), body, b.opt.MailboxEntries, b.opt.MailboxBytes, bellBytes, n.TTL.Milliseconds())
}

// Inspector returns one that reads through this Backbone's connections. It fails with ErrUnavailable until Redis has said what it is.
// It need not be closed.
func (b *Backbone) Inspector() (*Inspector, error) {
	client := b.client.Load()
	if client == nil {
		return nil, ErrUnavailable
	}
	return &Inspector{opt: b.redis, cancel: func() {}, client: *client, shared: true}, nil
}
