package signaling

import (
	"bytes"
	"errors"
	"time"
	"unsafe"

	"github.com/cespare/xxhash/v2"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// Message takes one complete data message. payload is only used during the call.
func (s *Attachment) Message(payload []byte) {
	sh := s.shard()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	switch s.state {
	case attaching:
		s.queueInbox(payload)
	case live, sentAway:
		s.message(payload, time.Now())
	case closed:
	}
}

// queueInbox holds what a client sends before its session is attached.
func (s *Attachment) queueInbox(payload []byte) {
	o := s.opening()
	if o.closure != nil && o.closure.By != SentAway {
		return // the connection is being closed
	}
	o.bytes += len(payload)
	s.hub.cfg.Buffers.Add(int64(len(payload)))
	switch {
	case len(o.inbox) >= openingMessages || o.bytes > openingBytes:
		s.hub.metrics.drop(dropOpeningFull)
		s.closeAttaching(ClosedForCause, wire.CloseTryAgainLater, reasonTooEager)
		return
	case s.hub.cfg.Buffers.Excess() > 0: // not its fault: a session that waits for it goes on waiting
		s.hub.metrics.drop(dropOpeningFull)
		s.closeAttaching(ClosedByLoss, wire.CloseTryAgainLater, reasonOverloaded)
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
func (s *Attachment) message(payload []byte, began time.Time) {
	if s.dialect == wire.PeerJS {
		s.peerMessage(payload, began)
		return
	}
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

// ack takes an acknowledgement. A malformed one is ignored.
func (s *Attachment) ack(text []byte) {
	if id, ok := wire.ParseEntryID(text); ok {
		s.acknowledge(id)
	}
	if s.spoke() {
		s.retire()
	}
}

// spoke notes that the client has the newer token, and reports whether that is new. The shard is locked.
func (s *Attachment) spoke() bool {
	if s.extra == nil || s.extra.olderTokenHash == "" {
		return false
	}
	s.extra.olderTokenHash = ""
	return true
}

// relay stores a message in its target's mailbox; Redis retires the older token with it. The shard is locked.
func (s *Attachment) relay(m wire.Message, began time.Time) {
	target, _ := wire.ParseClientID(m.Target) // the zero ID if malformed: no client has it
	s.spoke()
	print, before := s.follow(m, target)
	p := s.hub.inflights.Get().(*inflight)
	p.s, p.began, p.print, p.before, p.requestID = s, began, print, before, append(p.requestID[:0], m.RequestID...)
	p.target, p.ttl, p.beyond = target, time.Duration(m.TTLMs)*time.Millisecond, m.Beyond
	p.span, p.trace = s.traceSend(p.trace, began, m.Kind.String(), len(m.Data))
	p.text.set(s, target)
	s.hub.sending.Add(1)
	s.hub.backbone.Send(streams.Message{
		Room: p.text.room[:], From: p.text.from[:], Session: p.text.session[:], Target: p.text.target[:], Fingerprint: print, Before: before,
		Deadline: began.Add(s.hub.backbone.CallTimeout()),
		Kind:     byte(m.Kind), RequestID: m.RequestID, Data: m.Data, Trace: p.trace, Beyond: m.Beyond != "", TTL: p.ttl,
	}, p.answerFunc)
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
func (s *Attachment) plainPrint(n uint32) uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.Write(s.sid[:])
	_, _ = d.Write([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)})
	return d.Sum64()
}

// withhold keeps an answer back until it is clear whether another connection has this session: a fenced connection
// is told that and nothing else. If that is still unclear when the time is up, the answer is sent all the same. The shard is locked.
func (s *Attachment) withhold(answer []byte, began time.Time) {
	if s.state != live {
		return
	}
	x := s.ensureExtra()
	if x.withheld = append(x.withheld, bytes.Clone(answer)); len(x.withheld) == 1 {
		left := s.hub.backbone.CallTimeout() - time.Since(began)
		s.hub.timers.after(left, func() { s.locked(s.sendWithheld) })
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
func (s *Attachment) locked(f func()) {
	sh := s.shard()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	f()
}

// view reads a string as bytes without copying; they must not be written to.
func view(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
