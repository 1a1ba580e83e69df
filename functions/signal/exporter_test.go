package main

import (
	"compress/gzip"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector answers with each status in turn, then with the last one forever, and keeps the last request. In place of status 0 it closes the connection.
type collector struct {
	t        *testing.T
	statuses []int
	after    string // Retry-After
	requests int
	last     *http.Request
	spans    []string // names
	service  string
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.requests++
	c.last = r
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(r.Body); err != nil {
			c.t.Error(err)
			return
		}
	}
	text, err := io.ReadAll(body)
	var got tracepb.TracesData
	if err != nil || proto.Unmarshal(text, &got) != nil {
		c.t.Errorf("cannot read what was sent: %v", err)
	}
	c.spans = nil
	for _, resource := range got.GetResourceSpans() {
		for _, a := range resource.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				c.service = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				c.spans = append(c.spans, span.GetName())
			}
		}
	}
	status := c.statuses[min(c.requests, len(c.statuses))-1]
	if status == 0 {
		panic(http.ErrAbortHandler)
	}
	if c.after != "" {
		w.Header().Set("Retry-After", c.after)
	}
	w.WriteHeader(status)
}

// exportSpan exports one span with the given settings and returns the error.
func exportSpan(t *testing.T, environ ...string) error {
	t.Helper()
	tr, err := newTraces(configOf(t, environ...), "X", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer tr.stop(t.Context())
	_, span := tr.tracer().Start(t.Context(), "connect")
	span.End()
	return tr.provider.ForceFlush(t.Context())
}

func endpoint(url string) string { return "OTEL_EXPORTER_OTLP_ENDPOINT=" + url }

func TestSendsSpansAsSettingsSay(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		environ  []string
		header   string
		value    string
		statuses []int
		requests int
	}{
		"as it is":                {requests: 1},
		"compressed":              {[]string{"OTEL_EXPORTER_OTLP_COMPRESSION=gzip"}, "Content-Encoding", "gzip", nil, 1},
		"with a header":           {[]string{"OTEL_EXPORTER_OTLP_HEADERS=tenant=a%20b"}, "Tenant", "a b", nil, 1},
		"while it is busy, again": {statuses: []int{http.StatusServiceUnavailable, http.StatusOK}, requests: 2},
		"out of reach, again":     {statuses: []int{0, http.StatusOK}, requests: 2},
	} {
		if want.statuses == nil {
			want.statuses = []int{http.StatusOK}
		}
		c := &collector{t: t, statuses: want.statuses}
		server := httptest.NewServer(c)
		err := exportSpan(t, append(want.environ, endpoint(server.URL))...)
		server.Close()
		if err != nil || c.requests != want.requests || c.last.URL.Path != "/v1/traces" || len(c.spans) != 1 || c.spans[0] != "connect" || c.service != "rejoin-signal" {
			t.Errorf("%s: %v after %d requests: spans %v of %s", name, err, c.requests, c.spans, c.service)
		}
		if got := c.last.Header.Get("Content-Type"); got != "application/x-protobuf" {
			t.Errorf("%s: Content-Type is %q", name, got)
		}
		if got := c.last.Header.Get(want.header); got != want.value {
			t.Errorf("%s: %s is %q, want %q", name, want.header, got, want.value)
		}
	}
}

// TestWaitsAsLongAsABusyCollectorAsks: longer than the timeout means that the batch is lost, and no second request.
func TestWaitsAsLongAsABusyCollectorAsks(t *testing.T) {
	t.Parallel()
	inAnHour := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	for after, requests := range map[string]int{"": 2, "soon": 2, "0": 2, "3600": 1, inAnHour: 1} {
		c := &collector{t: t, statuses: []int{http.StatusTooManyRequests, http.StatusOK}, after: after}
		server := httptest.NewServer(c)
		err := exportSpan(t, endpoint(server.URL))
		server.Close()
		if c.requests != requests || (err == nil) != (requests == 2) {
			t.Errorf("Retry-After %q: %v after %d requests, want %d", after, err, c.requests, requests)
		}
	}
}

// TestGivesUpAfterTheTimeout: a collector that stays out of reach costs no more than OTEL_EXPORTER_OTLP_TIMEOUT.
func TestGivesUpAfterTheTimeout(t *testing.T) {
	t.Parallel()
	c := &collector{t: t, statuses: []int{0}}
	server := httptest.NewServer(c)
	err := exportSpan(t, endpoint(server.URL), "OTEL_EXPORTER_OTLP_TIMEOUT=2000")
	server.Close() // after which no request is under way
	if err == nil || c.requests < 2 {
		t.Errorf("%v after %d requests", err, c.requests)
	}
}

// TestSendsThePasswordOfTheURL, and does not repeat it in an error.
func TestSendsThePasswordOfTheURL(t *testing.T) {
	t.Parallel()
	c := &collector{t: t, statuses: []int{http.StatusBadRequest}}
	server := httptest.NewServer(c)
	defer server.Close()
	err := exportSpan(t, endpoint(strings.Replace(server.URL, "http://", "http://u:s%40cret@", 1)))
	user, password, _ := c.last.BasicAuth()
	if user != "u" || password != "s@cret" || c.requests != 1 {
		t.Errorf("%q, %q in %d requests", user, password, c.requests)
	}
	if err == nil || strings.Contains(err.Error(), "cret") {
		t.Errorf("a refused batch: %v", err)
	}
}

// TestChecksTheCollectorsCertificate: over HTTPS the file decides which collector to trust, and another is not tried again. Over plain HTTP it is
// ignored.
func TestChecksTheCollectorsCertificate(t *testing.T) {
	t.Parallel()
	c := &collector{t: t, statuses: []int{http.StatusOK}}
	secure, plain := httptest.NewUnstartedServer(c), httptest.NewServer(c)
	var connections atomic.Int32
	secure.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	secure.StartTLS()
	defer secure.Close()
	defer plain.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := exportSpan(t, endpoint(secure.URL)); err == nil {
		t.Error("an untrusted certificate was accepted")
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections to a collector that is not trusted, want 1", n)
	}
	for _, url := range []string{secure.URL, plain.URL} {
		if err := exportSpan(t, endpoint(url), "OTEL_EXPORTER_OTLP_CERTIFICATE="+file); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}
