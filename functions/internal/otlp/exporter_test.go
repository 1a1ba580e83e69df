package otlp_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	collectorpb "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/rejoin-dev/rejoin/functions/internal/otlp"
)

// receiver answers with each status in turn, the last one for ever, and keeps what it accepted.
type receiver struct {
	t        *testing.T
	statuses []int
	requests int
	header   http.Header
	got      *collectorpb.ExportTraceServiceRequest
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	status := r.statuses[min(r.requests, len(r.statuses)-1)]
	r.requests++
	r.header = req.Header
	var body io.Reader = req.Body
	if req.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(req.Body); err != nil {
			r.t.Error(err)
		}
	}
	text, err := io.ReadAll(body)
	r.got = &collectorpb.ExportTraceServiceRequest{}
	if err != nil || proto.Unmarshal(text, r.got) != nil {
		r.t.Errorf("cannot read what was sent: %v", err)
	}
	w.WriteHeader(status)
}

// send exports a span to a receiver.
func send(t *testing.T, cfg otlp.Config, statuses ...int) (*receiver, error) {
	t.Helper()
	r := &receiver{t: t, statuses: statuses}
	server := httptest.NewServer(r)
	defer server.Close()
	cfg.URL, cfg.Timeout = server.URL, max(cfg.Timeout, 30*time.Second)
	e, err := otlp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Shutdown(t.Context()) }()
	return r, e.ExportSpans(t.Context(), []sdk.ReadOnlySpan{span().Snapshot()})
}

var began = time.Unix(1_700_000_000, 5)

func contextOf(n byte, remote bool) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{n}, TraceFlags: trace.FlagsSampled, Remote: remote})
}

func span() tracetest.SpanStub {
	return tracetest.SpanStub{
		Name: "deliver", SpanContext: contextOf(2, false), Parent: contextOf(1, true), SpanKind: trace.SpanKindConsumer,
		StartTime: began, EndTime: began.Add(time.Second), Links: []sdk.Link{{SpanContext: contextOf(9, true)}},
		Attributes: []attribute.KeyValue{attribute.String("text", "a"), attribute.Bool("yes", true), attribute.Int("n", 7), attribute.Float64("f", 0.5)},
		Events:     []sdk.Event{{Name: "event", Time: began}},
		Status:     sdk.Status{Code: codes.Error, Description: "why"},
		Resource:   resource.NewSchemaless(attribute.String("service.name", "signal")),
	}
}

func TestSendsSpans(t *testing.T) {
	t.Parallel()
	for _, zip := range []bool{false, true} {
		r, err := send(t, otlp.Config{Gzip: zip, Headers: map[string]string{"tenant": "x"}}, http.StatusOK)
		if err != nil || r.requests != 1 || r.header.Get("Tenant") != "x" || r.header.Get("Content-Type") != "application/x-protobuf" {
			t.Fatalf("%v, %d requests, %v", err, r.requests, r.header)
		}
		group := r.got.GetResourceSpans()[0]
		if a := group.GetResource().GetAttributes(); len(a) != 1 || a[0].GetKey() != "service.name" || a[0].GetValue().GetStringValue() != "signal" {
			t.Errorf("resource %v", a)
		}
		s := group.GetScopeSpans()[0].GetSpans()[0]
		if s.GetName() != "deliver" || s.GetTraceId()[0] != 1 || s.GetSpanId()[0] != 2 || s.GetParentSpanId()[0] != 1 ||
			s.GetKind() != tracepb.Span_SPAN_KIND_CONSUMER || s.GetEndTimeUnixNano()-s.GetStartTimeUnixNano() != uint64(time.Second) ||
			s.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_ERROR || s.GetStatus().GetMessage() != "why" || s.GetFlags() != 0x301 {
			t.Errorf("span %v", s)
		}
		if l := s.GetLinks(); len(l) != 1 || l[0].GetSpanId()[0] != 9 {
			t.Errorf("links %v", l)
		}
		if e := s.GetEvents(); len(e) != 1 || e[0].GetName() != "event" {
			t.Errorf("events %v", e)
		}
		a := s.GetAttributes()
		if a[0].GetValue().GetStringValue() != "a" || !a[1].GetValue().GetBoolValue() || a[2].GetValue().GetIntValue() != 7 || a[3].GetValue().GetDoubleValue() != 0.5 {
			t.Errorf("attributes %v", a)
		}
	}
}

func TestRepeatsWhileTheReceiverIsBusy(t *testing.T) {
	t.Parallel()
	r, err := send(t, otlp.Config{}, http.StatusServiceUnavailable, http.StatusOK)
	if err != nil || r.requests != 2 || len(r.got.GetResourceSpans()) != 1 {
		t.Errorf("%v after %d requests", err, r.requests)
	}
}

func TestGivesUpWhatIsRefused(t *testing.T) {
	t.Parallel()
	r, err := send(t, otlp.Config{Headers: map[string]string{"authorization": "a secret"}}, http.StatusBadRequest)
	if err == nil || r.requests != 1 || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v after %d requests", err, r.requests)
	}
}

func TestRefusesBadCertificates(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"nowhere", "exporter_test.go"} {
		if _, err := otlp.New(otlp.Config{Certificate: file}); err == nil {
			t.Errorf("took %s", file)
		}
	}
}
