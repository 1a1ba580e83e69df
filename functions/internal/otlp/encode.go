package otlp

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"
)

// requestOf makes what is posted: TracesData is, field by field, an ExportTraceServiceRequest. All spans of a batch are of one
// provider and so of one resource.
func requestOf(spans []sdk.ReadOnlySpan) *tracepb.TracesData {
	if len(spans) == 0 {
		return &tracepb.TracesData{}
	}
	var scopes []*tracepb.ScopeSpans
	byName := map[string]*tracepb.ScopeSpans{}
	for _, s := range spans {
		scope := s.InstrumentationScope()
		group := byName[scope.Name]
		if group == nil {
			group = &tracepb.ScopeSpans{Scope: &commonpb.InstrumentationScope{Name: scope.Name, Version: scope.Version}, SchemaUrl: scope.SchemaURL}
			byName[scope.Name] = group
			scopes = append(scopes, group)
		}
		group.Spans = append(group.Spans, spanOf(s))
	}
	resource := spans[0].Resource()
	return &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: attributesOf(resource.Attributes())}, ScopeSpans: scopes, SchemaUrl: resource.SchemaURL(),
	}}}
}

func spanOf(s sdk.ReadOnlySpan) *tracepb.Span {
	c := s.SpanContext()
	id, spanID := c.TraceID(), c.SpanID()
	out := &tracepb.Span{
		TraceId: id[:], SpanId: spanID[:], TraceState: c.TraceState().String(), Flags: flagsOf(c, s.Parent()),
		Name: s.Name(), Kind: kindOf(s.SpanKind()), StartTimeUnixNano: nano(s.StartTime()), EndTimeUnixNano: nano(s.EndTime()),
		Attributes: attributesOf(s.Attributes()), DroppedAttributesCount: uint32(s.DroppedAttributes()), //nolint:gosec // a count
		DroppedEventsCount: uint32(s.DroppedEvents()), DroppedLinksCount: uint32(s.DroppedLinks()), //nolint:gosec // counts
		Status: &tracepb.Status{Message: s.Status().Description, Code: statusOf(s.Status().Code)},
	}
	if parent := s.Parent().SpanID(); parent.IsValid() {
		out.ParentSpanId = parent[:]
	}
	for _, l := range s.Links() {
		id, spanID := l.SpanContext.TraceID(), l.SpanContext.SpanID()
		out.Links = append(out.Links, &tracepb.Span_Link{
			TraceId: id[:], SpanId: spanID[:], TraceState: l.SpanContext.TraceState().String(), Attributes: attributesOf(l.Attributes),
			Flags: flagsOf(l.SpanContext, l.SpanContext),
		})
	}
	for _, e := range s.Events() {
		out.Events = append(out.Events, &tracepb.Span_Event{Name: e.Name, TimeUnixNano: nano(e.Time), Attributes: attributesOf(e.Attributes)})
	}
	return out
}

// flagsOf are the trace flags, and in bits 8 and 9 whether origin, the parent of a span, is of another process.
func flagsOf(c, origin trace.SpanContext) uint32 {
	flags := uint32(c.TraceFlags()) | uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK)
	if origin.IsRemote() {
		flags |= uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK)
	}
	return flags
}

func nano(t time.Time) uint64 { return uint64(max(0, t.UnixNano())) } //nolint:gosec // not negative

func kindOf(k trace.SpanKind) tracepb.Span_SpanKind {
	switch k {
	case trace.SpanKindServer:
		return tracepb.Span_SPAN_KIND_SERVER
	case trace.SpanKindClient:
		return tracepb.Span_SPAN_KIND_CLIENT
	case trace.SpanKindProducer:
		return tracepb.Span_SPAN_KIND_PRODUCER
	case trace.SpanKindConsumer:
		return tracepb.Span_SPAN_KIND_CONSUMER
	case trace.SpanKindUnspecified, trace.SpanKindInternal:
	}
	return tracepb.Span_SPAN_KIND_INTERNAL
}

func statusOf(c codes.Code) tracepb.Status_StatusCode {
	switch c {
	case codes.Ok:
		return tracepb.Status_STATUS_CODE_OK
	case codes.Error:
		return tracepb.Status_STATUS_CODE_ERROR
	case codes.Unset:
	}
	return tracepb.Status_STATUS_CODE_UNSET
}

func attributesOf(list []attribute.KeyValue) []*commonpb.KeyValue {
	out := make([]*commonpb.KeyValue, 0, len(list))
	for _, a := range list {
		out = append(out, &commonpb.KeyValue{Key: string(a.Key), Value: valueOf(a.Value)})
	}
	return out
}

// valueOf writes what is no single value, a list, as text: there is none but in OTEL_RESOURCE_ATTRIBUTES' detectors.
func valueOf(v attribute.Value) *commonpb.AnyValue {
	switch v.Type() {
	case attribute.BOOL:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: v.AsBool()}}
	case attribute.INT64:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v.AsInt64()}}
	case attribute.FLOAT64:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: v.AsFloat64()}}
	case attribute.STRING:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: v.AsString()}}
	default:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: v.String()}}
	}
}
