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

// Message handles one complete data message. payload is only used during the call.
func (a *Attachment) Message(payload []byte) {
	sh := a.shard()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	switch a.state {
	case attaching:
		a.queueInbox(payload)
	case live, sentAway:
		a.message(payload, time.Now())
	case closed:
	}
}

// queueInbox queues messages that a client sends before its session is attached.
func (a *Attachment) queueInbox(payload []byte) {
	o := a.opening()
	if o.closure != nil && o.closure.By != SentAway {
		return // the connection is being closed
	}
	o.bytes += len(payload)
	a.hub.cfg.Buffers.Add(int64(len(payload)))
	switch {
	case len(o.inbox) >= openingMessages || o.bytes > openingBytes:
		a.hub.metrics.drop(dropOpeningFull)
		a.closeAttaching(ClosedForCause, wire.CloseTryAgainLater, reasonTooEager)
		return
	case a.hub.cfg.Buffers.Excess() > 0: // not the client's fault: a session waiting for it goes on waiting
		a.hub.metrics.drop(dropOpeningFull)
		a.closeAttaching(ClosedByLoss, wire.CloseTryAgainLater, reasonOverloaded)
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

// message handles a message; its latency is measured from began.
func (a *Attachment) message(payload []byte, began time.Time) {
	if a.dialect == wire.PeerJS {
		a.peerMessage(payload, began)
		return
	}
	sh := a.shard()
	m, reply := sh.dec.Decode(payload, a.dialect)
	switch {
	case reply != nil:
		a.hub.metrics.message(outcomeInvalid)
		a.conn.Send(reply)
	case m.Kind == wire.KindAck:
		a.ack(m.Ack)
	default:
		a.relay(m, began)
	}
}

// ack handles an acknowledgement. A malformed one is ignored.
func (a *Attachment) ack(text []byte) {
	if id, ok := wire.ParseEntryID(text); ok {
		a.acknowledge(id)
	}
	if a.spoke() {
		a.retire()
	}
}

// spoke records that the client has the newer token, and reports whether that is new. The shard is locked.
func (a *Attachment) spoke() bool {
	if a.extra == nil || a.extra.olderTokenHash == "" {
		return false
	}
	a.extra.olderTokenHash = ""
	return true
}

// relay stores a message in its target's mailbox; Redis retires the older token in the same step. The shard is locked.
func (a *Attachment) relay(m wire.Message, began time.Time) {
	target, _ := wire.ParseClientID(m.Target) // the zero ID if malformed: no client has it
	a.spoke()
	print, before := a.follow(m, target)
	p := a.hub.inflights.Get().(*inflight)
	p.s, p.began, p.print, p.before, p.requestID = a, began, print, before, append(p.requestID[:0], m.RequestID...)
	p.target, p.ttl, p.beyond = target, time.Duration(m.TTLMs)*time.Millisecond, m.Beyond
	p.span, p.trace = a.traceSend(p.trace, began, m.Kind.String(), len(m.Data))
	p.text.set(a, target)
	a.hub.sending.Add(1)
	a.hub.backbone.Send(streams.Message{
		Room: p.text.room[:], From: p.text.from[:], Session: p.text.session[:], Target: p.text.target[:], Fingerprint: print, Before: before,
		Deadline: began.Add(a.hub.backbone.CallTimeout()),
		Kind:     byte(m.Kind), RequestID: m.RequestID, Data: m.Data, Trace: p.trace, Beyond: m.Beyond != "", TTL: p.ttl,
	}, p.answerFunc)
}

// fingerprint identifies a message of a rejoin.v1 client by its request ID, so that a repeat is recognized.
func fingerprint(requestID []byte, target wire.ClientID) uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.Write(requestID)
	_, _ = d.Write(target[:])
	return d.Sum64()
}

// plainPrint is the fingerprint of the nth message of a plain client. Such a client never repeats a message, so only our own retries are
// recognized.
func (a *Attachment) plainPrint(n uint32) uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.Write(a.sid[:])
	_, _ = d.Write([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)})
	return d.Sum64()
}

// withhold delays an answer until it is clear whether another connection has this session: a fenced connection is told only that. If it is
// still unclear when the time is up, the answer is sent anyway. The shard is locked.
func (a *Attachment) withhold(answer []byte, began time.Time) {
	if a.state != live {
		return
	}
	x := a.ensureExtra()
	if x.withheld = append(x.withheld, bytes.Clone(answer)); len(x.withheld) == 1 {
		left := a.hub.backbone.CallTimeout() - time.Since(began)
		a.hub.timers.after(left, func() { a.locked(a.sendWithheld) })
	}
	a.todo = max(a.todo, todoSync)
	a.proceed()
}

const retryInMs = 1000

// expected reports whether an error only reflects the state of Redis, or this instance's shutdown.
func expected(err error) bool {
	return errors.Is(err, streams.ErrBusy) || errors.Is(err, streams.ErrUnavailable) || errors.Is(err, streams.ErrClosed)
}

// locked calls f with the shard locked.
func (a *Attachment) locked(f func()) {
	sh := a.shard()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	f()
}

// view reads a string as bytes without copying; they must not be written to.
func view(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
