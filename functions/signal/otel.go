package main

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/net/http/httpguts"

	"github.com/rejoin-dev/rejoin/functions/internal/settings"
)

// OTel groups the settings for traces, under OpenTelemetry's own names. The SDK reads the rest (OTEL_RESOURCE_ATTRIBUTES, OTEL_BSP_…,
// OTEL_SPAN_…) itself.
type OTel struct {
	OTelEndpoint       string `env:"OTEL_EXPORTER_OTLP_ENDPOINT" help:"OpenTelemetry collector to send traces to by OTLP over HTTP, like http://collector:4318; empty: no traces. The SDK's other OTEL_* variables work too"`
	OTelTracesEndpoint string `env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" help:"the same with the full path, like http://collector:4318/v1/traces"`
	OTelExporter       string `env:"OTEL_TRACES_EXPORTER" envDefault:"otlp" help:"otlp, none"`
	OTelDisabled       bool   `env:"OTEL_SDK_DISABLED" envDefault:"false" help:"true: no traces"`
	OTelProtocol       string `env:"OTEL_EXPORTER_OTLP_PROTOCOL" envDefault:"http/protobuf" help:"http/protobuf, nothing else"`
	OTelHeaders        string `env:"OTEL_EXPORTER_OTLP_HEADERS" help:"headers for the collector, like authorization=Bearer%20…,tenant=a"`
	OTelTimeoutMs      int    `env:"OTEL_EXPORTER_OTLP_TIMEOUT" envDefault:"10000" help:"how long sending a batch may take, in milliseconds"`
	OTelCompression    string `env:"OTEL_EXPORTER_OTLP_COMPRESSION" help:"gzip, none"`
	OTelCertificate    string `env:"OTEL_EXPORTER_OTLP_CERTIFICATE" help:"file with the CA certificates to verify the collector with; empty: the system's"`
	OTelSampler        string `env:"OTEL_TRACES_SAMPLER" envDefault:"parentbased_always_on" help:"which connections and messages are traced: always_on, always_off, traceidratio, or one of these with parentbased_ in front"`
	OTelSamplerArg     string `env:"OTEL_TRACES_SAMPLER_ARG" help:"share of them to trace with traceidratio, 0 to 1; empty: 1"`
	OTelService        string `env:"OTEL_SERVICE_NAME" help:"service name in traces; empty: rejoin-signal"`
}

// Traces reports whether traces are exported.
func (o *OTel) Traces() bool {
	return !o.OTelDisabled && o.OTelExporter == "otlp" && o.OTelEndpoint+o.OTelTracesEndpoint != ""
}

// TracesURL is where traces are sent.
func (o *OTel) TracesURL() string {
	if o.OTelTracesEndpoint != "" {
		return o.OTelTracesEndpoint
	}
	return strings.TrimRight(o.OTelEndpoint, "/") + "/v1/traces"
}

// Timeout bounds the export of one batch.
func (o *OTel) Timeout() time.Duration { return time.Duration(o.OTelTimeoutMs) * time.Millisecond }

var samplers = []string{"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"}

// Check returns a line for each bad setting. It does not repeat a value that may be a secret.
func (o *OTel) Check() []string {
	var bad []string
	want := func(ok bool, format string, args ...any) {
		if !ok {
			bad = append(bad, fmt.Sprintf(format, args...))
		}
	}
	for name, text := range map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": o.OTelEndpoint, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": o.OTelTracesEndpoint} {
		err := settings.CheckURL(text)
		want(text == "" || err == nil, "%s: %v", name, err)
	}
	want(o.OTelExporter == "otlp" || o.OTelExporter == "none", "OTEL_TRACES_EXPORTER=%q: want otlp or none", o.OTelExporter)
	want(o.OTelProtocol == "http/protobuf", "OTEL_EXPORTER_OTLP_PROTOCOL=%q: want http/protobuf", o.OTelProtocol)
	want(o.OTelCompression == "" || o.OTelCompression == "none" || o.OTelCompression == "gzip", "OTEL_EXPORTER_OTLP_COMPRESSION=%q: want gzip or none", o.OTelCompression)
	want(o.OTelTimeoutMs >= 1, "OTEL_EXPORTER_OTLP_TIMEOUT=%d: want at least 1", o.OTelTimeoutMs)
	want(slices.Contains(samplers, o.OTelSampler), "OTEL_TRACES_SAMPLER=%q: want %s", o.OTelSampler, strings.Join(samplers, ", "))
	_, err := o.ratio()
	want(err == nil, "OTEL_TRACES_SAMPLER_ARG=%q: want a number from 0 to 1", o.OTelSamplerArg)
	_, err = o.Headers()
	want(err == nil, "OTEL_EXPORTER_OTLP_HEADERS: want name=value,name=value, percent-encoded")
	if o.OTelCertificate != "" && o.Traces() {
		_, err := readCertificates(o.OTelCertificate)
		want(err == nil, "OTEL_EXPORTER_OTLP_CERTIFICATE: want a file with certificates (PEM): %v", err)
	}
	return bad
}

// readCertificates reads a file of certificates (PEM).
func readCertificates(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read certificates: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read certificates: none in %s", file)
	}
	return roots, nil
}

// Headers returns the headers to send to the collector.
func (o *OTel) Headers() (map[string]string, error) {
	headers := map[string]string{}
	for _, pair := range strings.Split(o.OTelHeaders, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !ok || err != nil || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, fmt.Errorf("malformed header")
		}
		headers[name] = value
	}
	return headers, nil
}

func (o *OTel) ratio() (float64, error) {
	if o.OTelSamplerArg == "" {
		return 1, nil
	}
	r, err := strconv.ParseFloat(o.OTelSamplerArg, 64)
	if err != nil || !(r >= 0 && r <= 1) {
		return 0, fmt.Errorf("malformed ratio")
	}
	return r, nil
}

// Sampler returns the configured sampler.
func (o *OTel) Sampler() sdk.Sampler {
	name, parentBased := strings.CutPrefix(o.OTelSampler, "parentbased_")
	ratio, _ := o.ratio() // checked
	s := sdk.AlwaysSample()
	switch name {
	case "always_off":
		s = sdk.NeverSample()
	case "traceidratio":
		s = sdk.TraceIDRatioBased(ratio)
	}
	if parentBased {
		s = sdk.ParentBased(s)
	}
	return s
}
