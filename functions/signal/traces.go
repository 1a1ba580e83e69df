package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
)

// traces creates and exports spans; a nil one does nothing.
type traces struct {
	provider *sdk.TracerProvider
	log      *slog.Logger
}

// newTraces returns nil if tracing is off: then there is no exporter and no goroutine.
func newTraces(cfg config, instance string, log *slog.Logger) (*traces, error) {
	if !cfg.Traces() {
		return nil, nil
	}
	exporter, err := newExporter(cfg)
	if err != nil {
		return nil, fmt.Errorf("prepare traces: %w", err)
	}
	// OTEL_RESOURCE_ATTRIBUTES overrides everything but the service name.
	options := []resource.Option{
		resource.WithTelemetrySDK(), resource.WithAttributes(semconv.ServiceName("rejoin-signal"), semconv.ServiceInstanceID(instance)), resource.WithFromEnv(),
	}
	if cfg.OTelService != "" {
		options = append(options, resource.WithAttributes(semconv.ServiceName(cfg.OTelService)))
	}
	about, err := resource.New(context.Background(), options...)
	if err != nil {
		return nil, fmt.Errorf("read OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	otel.SetLogger(logr.FromSlogHandler(log.Handler()))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces not sent", "error", err) }))
	return &traces{sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about), sdk.WithSampler(cfg.Sampler())), log}, nil
}

// tracer is nil if tracing is off.
func (t *traces) tracer() trace.Tracer {
	if t == nil {
		return nil
	}
	return t.provider.Tracer("github.com/rejoin-dev/rejoin")
}

// stop exports the remaining spans, until ctx ends.
func (t *traces) stop(ctx context.Context) {
	if t == nil {
		return
	}
	if err := t.provider.Shutdown(ctx); err != nil {
		t.log.Warn("last traces not sent", "error", err)
	}
}
