package signaling

import (
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// inflight is one message on its way to Redis, pooled.
type inflight struct {
	s          *Attachment
	began      time.Time
	print      uint64
	before     uint64
	requestID  []byte
	target     wire.ClientID
	ttl        time.Duration
	beyond     string // see wire.Message
	frame      []byte
	span       trace.Span // nil: not traced
	trace      []byte     // its context, if it is sampled
	text       inflightText
	answerFunc func(streams.Outcome, error) // answer, bound once
}

func newInflight() any {
	p := &inflight{}
	p.answerFunc = p.answer
	return p
}

// inflightText is a message's sender and target, in the backbone's form.
type inflightText struct {
	room         [64]byte
	from, target [36]byte
	session      [numberTextLen]byte
}

func (t *inflightText) set(s *Attachment, target wire.ClientID) {
	s.room.AppendText(t.room[:0])
	s.id.AppendText(t.from[:0])
	target.AppendText(t.target[:0])
	s.sid.appendText(t.session[:0])
}

// answer tells the sender what became of its message.
func (p *inflight) answer(o streams.Outcome, err error) {
	s, plain := p.s, p.s.dialect == wire.Plain
	defer s.hub.sending.Add(-1)
	became := outcomeOf(o, err)
	s.hub.metrics.message(became)
	endSend(p.span, became)
	p.span, p.trace = nil, p.trace[:0]
	s.hub.metrics.answered.Observe(time.Since(p.began).Seconds())
	switch {
	case err != nil || o == streams.OutOfOrder || o == streams.SenderFenced: // a Redis that came back empty also answers SenderFenced
		s.locked(func() { s.sendFailed(p, o) })
	case !plain:
		s.locked(func() { s.sendAnswered(p) })
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
		s.locked(func() { s.withhold(p.frame, p.began) })
	} else {
		s.conn.Send(p.frame)
	}
	if err != nil && !expected(err) {
		s.hub.log.Error("message not stored", "error", err)
	}
	if cap(p.frame) <= 4<<10 {
		p.s = nil
		s.hub.inflights.Put(p)
	}
}
