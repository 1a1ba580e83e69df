package streams

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unsafe"

	"github.com/redis/go-redis/v9"
)

// Outcome is what became of a message that was sent.
type Outcome uint8

const (
	// SendFailed: see the error; whether it was stored is unknown.
	SendFailed Outcome = iota
	// Stored in the target's mailbox.
	Stored
	// StoredBefore: a message of the same fingerprint was stored earlier; this one was not.
	StoredBefore
	// Missing: the target is no session of the other role in this room, live or in its grace window.
	Missing
	// MailboxFull: the target has too much waiting.
	MailboxFull
	// SenderFenced: the sender's session has another connection, or is gone.
	SenderFenced
)

// Message is one message to store. The backbone copies all of it before Send returns.
type Message struct {
	Room, From, Session, Target []byte // text, as in Held
	// Fingerprint tells repetitions of a message from others of the same sender.
	Fingerprint uint64
	Kind        byte   // see Body
	RequestID   []byte // at most MaxRequestID bytes
	Data        []byte
	// Trace, unless empty, travels with the message to where it is delivered, within Redis: words of whoever follows it,
	// without spaces.
	Trace []byte
}

// newSendScript puts the settings into the script: as arguments they would be parsed for every message. generation is a Lua expression
// that differs from primary to primary. Being part of the text it is part of the script's name, so that no primary serves a send
// of somebody who takes it for another one.
func newSendScript(o Options, generation string) *script {
	return loadScript("send", fmt.Sprintf("local MOST_ENTRIES, MOST_BYTES, MOST_RUNG = %d, %d, %d\nlocal GENERATION = %s\n",
		o.MailboxEntries, o.MailboxBytes, bellBytes, generation))
}

// sending is a Send under way. All its arguments are views of buf and are passed to go-redis by pointer, so that
// a pooled sending costs no allocation of ours.
type sending struct {
	call
	b    *Backbone
	buf  []byte
	args []any
	done func(Outcome, error)
	end  func(*redis.Cmd, error) // finish, bound once

	mailbox, from, session, target, print, body, trace string
}

func newSending() any {
	s := &sending{}
	s.end = s.finish
	return s
}

var bg = context.Background()

// Send stores a message in the mailbox of its target, once per fingerprint, and rings.
// Messages of one room are stored in the order of the calls.
func (b *Backbone) Send(m Message, done func(Outcome, error)) {
	s := b.sendings.Get().(*sending) //nolint:forcetypeassert // our pool
	s.b, s.done = b, done
	key := s.fill(m)
	// The room's key is passed as a string, not by pointer: go-redis reads it for the slot on a cluster.
	s.args = append(s.args[:0], "EVALSHA", &s.sha, "2", key, &s.mailbox, &s.from, &s.session, &s.target, &s.print, &s.body)
	if s.trace != "" {
		s.args = append(s.args, &s.trace)
	}
	s.call = call{script: b.send, cmd: redis.NewCmd(bg, s.args...), deadline: time.Now().Add(b.opt.CallTimeout), done: s.end, sender: s.from}
	b.batcher.put(&s.call)
}

func (s *sending) fill(m Message) (roomKey string) {
	need := 2*roomLen + 5*clientLen + 128 + len(m.RequestID) + len(m.Data) + len(m.Trace)
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
	s.from, s.session, s.target, s.trace = part(m.From), part(m.Session), part(m.Target), part(m.Trace)
	var print [8]byte
	for i := range print {
		print[i] = byte(m.Fingerprint >> (8 * i))
	}
	s.print = part(print[:])
	from := len(buf)
	buf = AppendBody(buf, m.Kind, m.From, m.RequestID, m.Data)
	s.body = view(buf[from:])
	from = len(buf)
	buf = appendRoomKey(buf, m.Room)
	s.buf = buf
	return view(buf[from:])
}

// view shares b's memory; buf is not changed while the call is under way.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (s *sending) finish(cmd *redis.Cmd, err error) {
	done, outcome := s.done, SendFailed
	if err == nil {
		switch cmd.Val() {
		case "S":
			outcome = Stored
		case "N":
			outcome = Stored
			s.b.bury(s.mailbox)
		case "D":
			outcome = StoredBefore
		case "M":
			outcome = Missing
		case "B":
			outcome = MailboxFull
		case "F":
			outcome = SenderFenced
		default:
			err = errReply
		}
	}
	if cap(s.buf) <= 8<<10 {
		s.call, s.done = call{}, nil
		s.b.sendings.Put(s)
	}
	done(outcome, err)
}

// bury finds out whether the instance that a mailbox's client was last connected to is dead. On a cluster nothing can be
// said: PUBLISH counts the receivers at one node.
func (b *Backbone) bury(mailbox string) {
	if b.deaf != "1" {
		return
	}
	room := strings.Clone(mailbox[1 : 1+roomLen])
	client := strings.Clone(mailbox[len(mailbox)-clientLen:])
	b.run(buryScript, room, func(*redis.Cmd, error) {}, client, b.opt.Instance, b.opt.Grace.Milliseconds()) // the lease tells too
}
