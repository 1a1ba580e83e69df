package main

import (
	"log/slog"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func configOf(t *testing.T, environ ...string) config {
	t.Helper()
	cfg, err := loadConfig(environ)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// TestTracesAreOff: no spans are created unless a collector is configured.
func TestTracesAreOff(t *testing.T) {
	t.Parallel()
	const to = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"
	for _, environ := range [][]string{{}, {"OTEL_TRACES_SAMPLER=always_on"}, {to, "OTEL_SDK_DISABLED=true"}, {to, "OTEL_TRACES_EXPORTER=none"}} {
		made, err := newTraces(configOf(t, environ...), "X", slog.New(slog.DiscardHandler))
		if made != nil || err != nil || made.tracer() != nil {
			t.Errorf("%v: %v, %v", environ, made, err)
		}
		made.stop(t.Context())
	}
}

func TestTracesURL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		environ []string
		want    string
	}{
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318"}, "http://c:4318/v1/traces"},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=https://c/otel/"}, "https://c/otel/v1/traces"},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://d/traces"}, "http://d/traces"},
	} {
		if cfg := configOf(t, c.environ...); !cfg.Traces() || cfg.TracesURL() != c.want {
			t.Errorf("%v: %v, %s", c.environ, cfg.Traces(), cfg.TracesURL())
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	cfg := configOf(t, "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20a%2Cb, tenant = x,")
	got, err := cfg.Headers()
	if err != nil || len(got) != 2 || got["authorization"] != "Bearer a,b" || got["tenant"] != "x" {
		t.Errorf("%v, %v", got, err)
	}
}

// TestSamplers: of 1,000 root spans, and of as many with a sampled parent, so many are sampled.
func TestSamplers(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct{ root, child [2]int }{
		"always_on": {[2]int{1000, 1000}, [2]int{1000, 1000}}, "always_off": {}, "traceidratio": {[2]int{150, 350}, [2]int{150, 350}},
		"parentbased_always_on":    {[2]int{1000, 1000}, [2]int{1000, 1000}},
		"parentbased_always_off":   {[2]int{}, [2]int{1000, 1000}},
		"parentbased_traceidratio": {[2]int{150, 350}, [2]int{1000, 1000}},
	} {
		cfg := configOf(t, "OTEL_TRACES_SAMPLER="+name, "OTEL_TRACES_SAMPLER_ARG=0.25")
		var root, child int
		for i := range 1000 {
			id := trace.TraceID{8: byte(i * 131), 9: byte(i * 7), 15: 1}
			parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled, Remote: true})
			if cfg.Sampler().ShouldSample(sdk.SamplingParameters{ParentContext: t.Context(), TraceID: id}).Decision == sdk.RecordAndSample {
				root++
			}
			under := trace.ContextWithRemoteSpanContext(t.Context(), parent)
			if cfg.Sampler().ShouldSample(sdk.SamplingParameters{ParentContext: under, TraceID: id}).Decision == sdk.RecordAndSample {
				child++
			}
		}
		if root < want.root[0] || root > want.root[1] || child < want.child[0] || child > want.child[1] {
			t.Errorf("%s samples %d roots and %d children", name, root, child)
		}
	}
}
