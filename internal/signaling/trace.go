package signaling

import (
	"context"
	"encoding/hex"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// Spans (OpenTelemetry), made only when Config.Tracer is set:
//
//	connect ◄──link── connect ◄──link── …      one a connection, each with a link to the session's one before, wherever that was
//	   ▲ link
//	  send ──parent──► deliver                 one a message: from its arrival until its sender is answered, and, in the
//	                      │ link               same trace, where it is written to its receiver's socket
//	                      ▼ connect
//
// The context of a span travels through Redis as a traceparent (W3C Trace Context), never to clients.
// Ids are shortened as in logs.

const (
	attrSession  = attribute.Key("rejoin.session") // the client ID, the same on all connections of a session
	attrRoom     = attribute.Key("rejoin.room")
	attrRole     = attribute.Key("rejoin.role")
	attrDialect  = attribute.Key("rejoin.dialect")
	attrResult   = attribute.Key("rejoin.result")
	attrKind     = attribute.Key("rejoin.message.kind")
	attrBytes    = attribute.Key("rejoin.message.bytes")
	attrOutcome  = attribute.Key("rejoin.message.outcome")
	attrReplayed = attribute.Key("rejoin.message.replayed")
)

// traceConnect begins the span of a connecting client.
func (a *Attachment) traceConnect(now time.Time) {
	tracer := a.hub.cfg.Tracer
	if tracer == nil {
		return
	}
	o := a.opening()
	_, o.span = tracer.Start(context.Background(), "connect", trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(now), trace.WithAttributes(
		attrRoom.String(short(a.room.String())), attrRole.String(a.role().String()), attrDialect.String(dialectLabel(a.dialect))))
	if c := o.span.SpanContext(); c.IsSampled() {
		o.request.Trace = string(appendTraceparent(nil, c))
	}
}

// traceRefused ends the span of a connection without a session.
func (o *opening) traceRefused(result string) {
	if o.span == nil {
		return
	}
	o.span.SetAttributes(attrResult.String(result))
	o.span.SetStatus(codes.Error, result)
	o.span.End()
	o.span = nil
}

// traceAttached ends the span of a connection that now has a session, and keeps its context for later spans to link to.
func (a *Attachment) traceAttached(o *opening, got streams.Attached, refused string) {
	if o.span == nil {
		return
	}
	result := connectAttached
	switch {
	case got.Verdict == streams.Resumed:
		result = string(verdictResumed)
	case refused != "":
		result = refused
	}
	o.span.SetAttributes(attrSession.String(short(a.id.String())), attrResult.String(result))
	own := o.span.SpanContext()
	if c, ok := parseTraceparent(got.Link); ok && c.SpanID() != own.SpanID() {
		o.span.AddLink(trace.Link{SpanContext: c})
	}
	o.span.End()
	o.span = nil
	if own.IsSampled() {
		a.ensureExtra().connect = &own
	}
}

// links are the links of the spans of this connection's messages.
func (a *Attachment) links() []trace.Link {
	if a.extra == nil || a.extra.connect == nil {
		return nil
	}
	return []trace.Link{{SpanContext: *a.extra.connect}}
}

// traceSend begins the span of a message at the time it arrived, nil without tracing. It returns the span's context in buf[:0] if it is
// sampled. The shard is locked.
func (a *Attachment) traceSend(buf []byte, began time.Time, kind string, size int) (trace.Span, []byte) {
	tracer := a.hub.cfg.Tracer
	if tracer == nil {
		return nil, buf[:0]
	}
	_, span := tracer.Start(context.Background(), "send", trace.WithSpanKind(trace.SpanKindProducer), trace.WithTimestamp(began),
		trace.WithLinks(a.links()...), trace.WithAttributes(
			attrSession.String(short(a.id.String())), attrRoom.String(short(a.room.String())),
			attrKind.String(kind), attrBytes.Int(size)))
	if c := span.SpanContext(); c.IsSampled() {
		return span, appendTraceparent(buf[:0], c)
	}
	return span, buf[:0]
}

// endSend ends that span.
func endSend(span trace.Span, o outcome) {
	if span == nil {
		return
	}
	span.SetAttributes(attrOutcome.String(string(o)))
	if o != outcomeStored && o != outcomeDuplicate {
		span.SetStatus(codes.Error, string(o))
	}
	span.End()
}

// traceDelivered makes the span of a message written to its receiver's socket, if the message is traced. The shard is locked.
func (a *Attachment) traceDelivered(began time.Time, of string, body streams.Body) {
	parent, ok := parseTraceparent(of)
	if !ok {
		return
	}
	_, span := a.hub.cfg.Tracer.Start(trace.ContextWithRemoteSpanContext(context.Background(), parent), "deliver",
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(began), trace.WithLinks(a.links()...), trace.WithAttributes(
			attrSession.String(short(a.id.String())), attrRoom.String(short(a.room.String())),
			attrKind.String(wire.Kind(body.Kind()).String()), attrReplayed.Bool(a.replaying)))
	span.End()
}

// appendTraceparent writes 00-<trace>-<span>-<flags>.
func appendTraceparent(dst []byte, c trace.SpanContext) []byte {
	id, span := c.TraceID(), c.SpanID()
	dst = hex.AppendEncode(append(dst, "00-"...), id[:])
	dst = hex.AppendEncode(append(dst, '-'), span[:])
	return hex.AppendEncode(append(dst, '-'), []byte{byte(c.TraceFlags())})
}

const traceparentLen = 55

func parseTraceparent(text string) (trace.SpanContext, bool) {
	if len(text) != traceparentLen || text[:3] != "00-" || text[35] != '-' || text[52] != '-' {
		return trace.SpanContext{}, false
	}
	var c trace.SpanContextConfig
	var flags [1]byte
	_, err := hex.Decode(c.TraceID[:], view(text[3:35]))
	_, err2 := hex.Decode(c.SpanID[:], view(text[36:52]))
	_, err3 := hex.Decode(flags[:], view(text[53:]))
	c.TraceFlags, c.Remote = trace.TraceFlags(flags[0]), true
	made := trace.NewSpanContext(c)
	return made, err == nil && err2 == nil && err3 == nil && made.IsValid()
}
