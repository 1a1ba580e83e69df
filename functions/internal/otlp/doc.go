// Package otlp sends spans to an OpenTelemetry collector: OTLP over HTTP, in protobuf.
//
// It stands in for go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp, which brings gRPC and its gateway
// along and adds 12 MB to a binary of 15; this, with the SDK, adds 1.4.
package otlp
