package streams

import (
	"context"
	"encoding/binary"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/streams/internal/pipeline"
)

// Outcome is the outcome of a send.
type Outcome uint8

const (
	// SendFailed: see the error; the message may or may not have been stored.
	SendFailed Outcome = iota
	// Stored in the target's mailbox.
	Stored
	// StoredBefore: a message with the same fingerprint was stored earlier; this one was not.
	StoredBefore
	// Missing: the target is not a peer of the sender, live or in its grace window.
	Missing
	// MailboxFull: the target has too many messages waiting.
	MailboxFull
	// SenderFenced: the sender's session has another connection, or is gone.
	SenderFenced
	// BeyondPlain: the target speaks the plain dialect, and the message is Beyond it. It was not stored.
	BeyondPlain
	// OutOfOrder: the sender's previous message is missing. Nothing was stored; send that one first.
	OutOfOrder
)

// Message is one message to store. The backbone copies all of it before Send returns.
type Message struct {
	Room, From, Session, Target []byte // text, as in SessionRef
	// Fingerprint identifies a message among the sender's last 64 stored ones, so that a repeat is recognized.
	Fingerprint uint64
	// Before is the fingerprint of the sender's previous message: unless that has its final answer, this one is OutOfOrder. 0: the previous
	// message does not matter. A repeat must name the same one as the first time, or none: a message that names the last stored one is
	// taken for a new one, unless it is among the last 8 itself.
	Before uint64
	// Deadline is the latest time for the answer; zero: CallTimeout from now.
	Deadline time.Time
	Kind     byte // see Body
	// Beyond: a plain client would not understand it.
	Beyond bool
	// TTL, unless 0, is how long it may be delivered: see Overdue. At least a millisecond.
	TTL       time.Duration
	RequestID []byte // at most MaxRequestID bytes
	Data      []byte
	// Trace, unless empty, travels with the message through Redis to where it is delivered: the tracer's text, without spaces.
	Trace []byte
}

// sendCall is a pending Send. All its arguments are views of buf and are passed to go-redis by pointer, so that a pooled sendCall costs us
// no allocation.
type sendCall struct {
	pipeline.Call
	b    *Backbone
	buf  []byte
	args []any
	done func(Outcome, error)
	// finish and release, bound once
	answerFunc  func(*redis.Cmd, error)
	releaseFunc func()

	mailbox, head, body, trace, ttl, beyond string
	from                                    string // within body
}

func newSendCall() any {
	s := &sendCall{}
	s.answerFunc, s.releaseFunc = s.answer, s.release
	return s
}

var bg = context.Background()

// Send stores a message in the mailbox of its target, once per fingerprint, and rings.
// Messages of one room are stored in the order of the calls.
func (b *Backbone) Send(m Message, done func(Outcome, error)) {
	s := b.sendCalls.Get().(*sendCall)
	s.b, s.done = b, done
	key := s.fill(m)
	// The room's key is passed as a string, not by pointer: go-redis reads it for the slot on a cluster.
	s.args = append(s.args[:0], "EVALSHA", &s.SHA, "2", key, &s.mailbox, &s.head, &s.body)
	switch {
	case m.Beyond || m.TTL > 0:
		s.args = append(s.args, &s.trace, &s.ttl, &s.beyond)
	case s.trace != "":
		s.args = append(s.args, &s.trace)
	}
	deadline := m.Deadline
	if deadline.IsZero() {
		deadline = time.Now().Add(b.opt.CallTimeout)
	}
	s.Call = pipeline.Call{
		Script: sendScript, Cmd: redis.NewCmd(bg, s.args...), Key: key, Deadline: deadline, Sender: s.from,
		Done: s.answerFunc, Release: s.releaseFunc,
	}
	b.pipelines.Put(&s.Call)
}

func (s *sendCall) fill(m Message) (roomKey string) {
	need := 2*roomLen + 2*clientLen + 160 + len(m.RequestID) + len(m.Data) + len(m.Trace)
	if cap(s.buf) < need {
		s.buf = make([]byte, 0, need)
	}
	buf := appendMailboxKey(s.buf[:0], m.Room, m.Target)
	s.mailbox = view(buf)
	part := func(b []byte) string {
		from := len(buf)
		buf = append(buf, b...)
		return view(buf[from:])
	}
	s.trace = part(m.Trace)
	from := len(buf)
	buf = binary.LittleEndian.AppendUint64(buf, m.Fingerprint)
	if m.Before != 0 {
		buf = binary.LittleEndian.AppendUint64(buf, m.Before)
	} else {
		buf = append(buf, "--------"...)
	}
	buf = append(append(append(buf, ' '), m.Session...), ' ')
	s.head = view(buf[from:])
	s.beyond = "0"
	if m.Beyond {
		s.beyond = "1"
	}
	from = len(buf)
	buf = strconv.AppendInt(buf, m.TTL.Milliseconds(), 10)
	s.ttl = view(buf[from:])
	from = len(buf)
	buf = AppendBody(buf, m.Kind, m.From, m.RequestID, m.Data)
	s.body = view(buf[from:])
	s.from = s.body[1 : 1+clientLen]
	from = len(buf)
	buf = appendRoomKey(buf, m.Room)
	s.buf = buf
	return view(buf[from:])
}

// view shares b's memory; buf is not changed while the call is pending.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (s *sendCall) answer(cmd *redis.Cmd, err error) {
	done, outcome := s.done, SendFailed
	if err == nil {
		switch cmd.Val() {
		case "S":
			outcome = Stored
		case "N":
			outcome = Stored
			s.b.suspendDead(roomAndClient(s.mailbox))
		case "D":
			outcome = StoredBefore
		case "M":
			outcome = Missing
		case "B":
			outcome = MailboxFull
		case "P":
			outcome = BeyondPlain
		case "F":
			outcome = SenderFenced
		case pipeline.OutOfOrder:
			outcome = OutOfOrder
		default:
			err = errReply
		}
	}
	done(outcome, err)
}

// release returns the memory to the pool. finish may have answered long before: a round trip that takes too long still reads it.
func (s *sendCall) release() {
	if cap(s.buf) <= 8<<10 {
		s.Call, s.done = pipeline.Call{}, nil
		s.b.sendCalls.Put(s)
	}
}

// roomAndClient splits the key of a mailbox.
func roomAndClient(mailbox string) (room, client string) {
	return strings.Clone(mailbox[1 : 1+roomLen]), strings.Clone(mailbox[len(mailbox)-clientLen:])
}

// suspendDead finds out whether the instance that a client was last connected to is dead. On a cluster the script says nothing:
// see proven in lua/lib.lua.
func (b *Backbone) suspendDead(room, client string) {
	b.run(suspendDeadScript, room, func(*redis.Cmd, error) {}, client, b.opt.Instance, b.opt.Grace.Milliseconds()) // on failure, the lease tells
}
