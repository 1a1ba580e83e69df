package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/protobuf/proto"
)

// Config says where spans go.
type Config struct {
	URL     string // of the receiver, with its path: https://collector:4318/v1/traces
	Headers map[string]string
	Timeout time.Duration // of one batch, retries included
	Gzip    bool
	// Certificate is a file with the certificates (PEM) that the receiver's is checked against; empty: the system's.
	Certificate string
}

// Exporter implements sdk.SpanExporter. Its methods block, for Config.Timeout at most.
type Exporter struct {
	cfg    Config
	client *http.Client
}

// New prepares an Exporter; nothing is sent yet.
func New(cfg Config) (*Exporter, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConns: 1, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true}
	if cfg.Certificate != "" {
		roots, err := Roots(cfg.Certificate)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return &Exporter{cfg, &http.Client{Transport: transport}}, nil
}

// Roots reads a file of certificates (PEM).
func Roots(file string) (*x509.CertPool, error) {
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

// ExportSpans sends one batch. While the receiver is busy or out of reach it is repeated; what it refuses is lost.
func (e *Exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.Timeout)
	defer cancel()
	body, err := proto.Marshal(requestOf(spans))
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	if e.cfg.Gzip {
		body = zip(body)
	}
	for pause := 500 * time.Millisecond; ; pause *= 2 {
		again, err := e.post(ctx, body)
		if !again {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

// Shutdown closes the idle connection.
func (e *Exporter) Shutdown(context.Context) error {
	e.client.CloseIdleConnections()
	return nil
}

// post makes one attempt; again says whether another may help.
func (e *Exporter) post(ctx context.Context, body []byte) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return false, fmt.Errorf("send spans: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	if e.cfg.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	for name, value := range e.cfg.Headers {
		req.Header.Set(name, value)
	}
	res, err := e.client.Do(req)
	if err != nil {
		return !errors.Is(err, context.Canceled), fmt.Errorf("send spans: %w", err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	switch res.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return false, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout: // OTLP, "Retryable Response Codes"
		again = true
	}
	return again, fmt.Errorf("send spans: the receiver answers %s", res.Status)
}

func zip(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body) // to memory
	_ = w.Close()
	return b.Bytes()
}
