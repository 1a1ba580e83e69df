package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collectorClient sends spans to an OpenTelemetry collector: OTLP/HTTP in protobuf. It implements otlptrace.Client; OpenTelemetry's own,
// otlptracehttp, brings gRPC, which adds 10 MB to the binary and 5 MB to an empty process.
type collectorClient struct {
	url     string            // with its path; a user and password in it are sent as basic authentication
	headers map[string]string // sent with every request
	timeout time.Duration     // of one batch, retries included
	gzip    bool
	http    *http.Client
}

// newExporter returns an exporter that sends spans to the collector. It connects when it has spans to send.
func newExporter(cfg config) (*otlptrace.Exporter, error) {
	headers, err := cfg.Headers()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConns: 1, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true}
	if cfg.OTelCertificate != "" {
		roots, err := readCertificates(cfg.OTelCertificate)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return otlptrace.New(context.Background(), &collectorClient{
		cfg.TracesURL(), headers, cfg.Timeout(), cfg.OTelCompression == "gzip", &http.Client{Transport: transport},
	})
}

// Start does nothing: the first batch connects.
func (c *collectorClient) Start(context.Context) error { return nil }

// Stop closes the idle connection.
func (c *collectorClient) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces sends one batch, and blocks for the timeout at most. While the collector is busy or cannot be reached, the batch is sent again
// (OTLP specification, "OTLP/HTTP Throttling" and "OTLP/HTTP Connection"). Spans that the collector rejects are lost.
func (c *collectorClient) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	deadline := time.Now().Add(c.timeout)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	// TracesData has the encoding of ExportTraceServiceRequest, whose package imports gRPC.
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	if c.gzip {
		body = compress(body)
	}
	for pause := 500 * time.Millisecond; ; pause *= 2 {
		again, retryAfter, err := c.post(ctx, body)
		wait := max(retryAfter, pause/2+rand.N(pause)) // instances that failed together do not return together
		if !again || time.Until(deadline) < wait {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}

// post sends the batch once. again reports whether another attempt may help, and retryAfter how long the collector asks to wait before it.
func (c *collectorClient) post(ctx context.Context, body []byte) (again bool, retryAfter time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return false, 0, errors.New("malformed URL") // it may contain a password: do not repeat it
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	if c.gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	for name, value := range c.headers {
		req.Header.Set(name, value)
	}
	res, err := c.http.Do(req)
	if err != nil {
		var untrusted *tls.CertificateVerificationError
		return !errors.As(err, &untrusted), 0, fmt.Errorf("send spans: %w", err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	switch res.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return false, 0, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout: // OTLP, "Retryable Response Codes"
		again = true
	}
	return again, readRetryAfter(res.Header.Get("Retry-After")), fmt.Errorf("send spans: the collector answers %s", res.Status)
}

// readRetryAfter reads a Retry-After header, seconds or a date (RFC 9110 section 10.2.3). It is 0 if there is none or it is malformed.
func readRetryAfter(text string) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(text); err == nil {
		return time.Until(date)
	}
	return 0
}

func compress(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body) // to memory
	_ = w.Close()
	return b.Bytes()
}
