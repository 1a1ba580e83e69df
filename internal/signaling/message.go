package signaling

import (
	"bytes"
	"errors"
	"time"
	"unsafe"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/otel/trace"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// Message takes one complete data message. payload is only used during the call.
func (s *Session) Message(payload []byte) {
	sh := s.shard()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	switch s.state {
	case attaching:
		s.keepForLater(payload)
	case live:
		s.message(payload, time.Now())
	case closed:
	}
}

// keepForLater holds what a client sends before its session is attached.
func (s *Session) keepForLater(payload []byte) {
	o := s.opening()
	if o.end != nil {
		return // the connection is being closed
	}
	o.bytes += len(payload)
	s.hub.cfg.Buffers.Add(int64(len(payload)))
	switch {
	case len(o.inbox) >= openingMessages || o.bytes > openingBytes:
		s.hub.metrics.drop(dropOpeningFull)
		s.giveUp(EndPolicy, wire.CloseTryAgainLater, reasonTooEager)
		return
	case s.hub.cfg.Buffers.Excess() > 0: // not its fault: a session that waits for it goes on waiting
		s.hub.metrics.drop(dropOpeningFull)
		s.giveUp(EndLost, wire.CloseTryAgainLater, reasonOverloaded)
		return
	}
	if len(o.inbox) == 0 {
		o.arrived = time.Now()
	}
	o.inbox = append(o.inbox, append([]byte(nil), payload...))
}

const (
	reasonTooEager   = "too much sent before the session was ready"
	reasonOverloaded = "overloaded, try again later"
)

// message takes a message that arrived when it began.
func (s *Session) message(payload []byte, began time.Time) {
	sh := s.shard()
	m, reply := sh.dec.Decode(payload, s.dialect)
	switch {
	case reply != nil:
		s.hub.metrics.message(outcomeInvalid)
		s.conn.Send(reply)
	case m.Kind == wire.KindAck:
		s.ack(m.Ack)
	default:
		s.relay(m, began)
	}
}

// ack takes an acknowledgement. One that makes no sense harms nobody: it is ignored.
func (s *Session) ack(text []byte) {
	if id, ok := wire.ParseEntryID(text); ok {
		s.acknowledge(streams.EntryID(id))
	}
	if s.spoke() {
		// Retire the older token now, so that the client's own slow attempt with that one cannot evict it.
		s.hub.backbone.Ack(s.held(), streams.EntryID{}, s.acknowledged)
	}
}

// spoke notes that the client has the newer token, and reports whether that is new. The shard is locked.
func (s *Session) spoke() bool {
	if s.extra == nil || s.extra.olderTokenHash == "" {
		return false
	}
	s.extra.olderTokenHash = ""
	return true
}

// sending is one message on its way to Redis, pooled.
type sending struct {
	s         *Session
	began     time.Time
	print     uint64
	before    uint64
	requestID []byte
	target    wire.ClientID
	ttl       time.Duration
	beyond    string // see wire.Message
	frame     []byte
	span      trace.Span                      // nil: not traced
	trace     []byte                          // its context, if it is sampled
	ids       [64 + 2*36 + numberTextLen]byte // room, sender, target, session number, as text
	done      func(streams.Outcome, error)    // finish, bound once
}

func newSending() any {
	p := &sending{}
	p.done = p.finish
	return p
}

// relay stores a message in its target's mailbox; Redis retires the older token with it. The shard is locked.
func (s *Session) relay(m wire.Message, began time.Time) {
	target, _ := wire.ParseClientID(m.Target) // what is no client ID is nobody's: the zero one
	s.spoke()
	print, before := s.follow(m, target)
	p := s.hub.sendings.Get().(*sending) //nolint:forcetypeassert // our pool
	p.s, p.began, p.print, p.before, p.requestID = s, began, print, before, append(p.requestID[:0], m.RequestID...)
	p.target, p.ttl, p.beyond = target, time.Duration(m.TTLMs)*time.Millisecond, m.Beyond
	p.traceSend(m)
	room := s.room.AppendText(p.ids[:0])
	from := s.id.AppendText(p.ids[64:64])
	to := target.AppendText(p.ids[100:100])
	session := s.sid.appendText(p.ids[136:136])
	s.hub.backbone.Send(streams.Message{
		Room: room, From: from, Session: session, Target: to, Fingerprint: print, Before: before,
		Deadline: began.Add(s.hub.backbone.CallTimeout()),
		Kind:     byte(m.Kind), RequestID: m.RequestID, Data: m.Data, Trace: p.trace, Beyond: m.Beyond != "", TTL: p.ttl,
	}, p.done)
}

// fingerprint tells a message of a rejoin.v1 client that is sent again from another one: the client says so by its request ID.
func fingerprint(requestID []byte, target wire.ClientID) uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.Write(requestID)
	_, _ = d.Write(target[:])
	return d.Sum64()
}

// plainPrint is the fingerprint of the nth message of a plain client. Such a client never repeats, so each of its messages is its own, and
// only our own repetitions are caught.
func (s *Session) plainPrint(n uint32) uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.Write(s.sid[:])
	_, _ = d.Write([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)})
	return d.Sum64()
}

// finish answers the sender.
func (p *sending) finish(o streams.Outcome, err error) {
	s, plain := p.s, p.s.dialect == wire.Plain
	became := outcomeOf(o, err)
	s.hub.metrics.message(became)
	p.traceSent(became)
	s.hub.metrics.answered.Observe(time.Since(p.began).Seconds())
	switch {
	case err != nil || o == streams.OutOfOrder || o == streams.SenderFenced: // the last also of a Redis that came back empty
		s.locked(func() { s.missed(p.print, p.before, o == streams.OutOfOrder) })
	case !plain:
		s.locked(func() { s.stored(p.print) })
	}
	switch {
	case o == streams.Stored || o == streams.StoredBefore:
		p.frame = wire.AppendConfirmation(p.frame[:0], p.requestID)
	case o == streams.BeyondPlain:
		p.frame = wire.AppendBeyondPlain(p.frame[:0], p.requestID, p.beyond)
	case o == streams.MailboxFull && !plain:
		p.frame = wire.AppendMailboxFull(p.frame[:0], p.requestID)
	case (err != nil || o == streams.SenderFenced || o == streams.OutOfOrder) && !plain:
		p.frame = wire.AppendRetry(p.frame[:0], p.requestID, retryInMs)
	default:
		p.frame = wire.AppendMissingRemoteClient(p.frame[:0], p.requestID)
	}
	if o == streams.Stored && p.ttl > 0 {
		s.hub.limited.watch(windowKey{s.room, p.target}, p.ttl)
	}
	if o == streams.SenderFenced {
		s.locked(func() { s.doubt(p.frame, p.began) })
	} else {
		s.conn.Send(p.frame)
	}
	if err != nil && !expected(err) {
		s.hub.log.Error("message not stored", "error", err)
	}
	if cap(p.frame) <= 4<<10 {
		p.s = nil
		s.hub.sendings.Put(p)
	}
}

// doubt finds out whether another connection has this session, or nobody; only then is the answer given: a connection
// that is fenced hears nothing but that it is. When that cannot be found out in time, it is answered all the same. The shard is locked.
func (s *Session) doubt(answer []byte, began time.Time) {
	if s.state != live {
		return
	}
	x := s.more()
	if x.unanswered = append(x.unanswered, bytes.Clone(answer)); len(x.unanswered) == 1 {
		left := s.hub.backbone.CallTimeout() - time.Since(began)
		s.hub.timers.after(left, func() { s.locked(s.answer) })
	}
	s.todo = max(s.todo, todoSync)
	s.proceed()
}

const retryInMs = 1000

// expected reports whether an error tells of the state of Redis, or of this instance's end, and of nothing else.
func expected(err error) bool {
	return errors.Is(err, streams.ErrBusy) || errors.Is(err, streams.ErrUnavailable) || errors.Is(err, streams.ErrClosed)
}

// locked calls f with the shard locked.
func (s *Session) locked(f func()) {
	sh := s.shard()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	f()
}

// view reads a string as bytes without copying; nobody writes to it.
func view(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
