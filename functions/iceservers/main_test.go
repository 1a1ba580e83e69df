package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rejoin-dev/rejoin/functions/internal/process"
	"github.com/rejoin-dev/rejoin/functions/internal/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience = 20 * time.Second
	turnURL  = "TURN_URLS=turn:127.0.0.1:3478?transport=udp"
	secret   = "TURN_SECRET=0123456789abcdef"
)

// output is what a run prints, while it runs.
type output struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	more chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// runWith is run, with all that was printed in out afterwards.
func runWith(ctx context.Context, args, environ []string, out io.Writer) error {
	p := process.New(args, environ, out)
	defer p.Out.Close(time.Minute)
	return run(ctx, p)
}

// start runs the function until the end of the test and returns its URL.
func start(t *testing.T, environ ...string) string {
	t.Helper()
	out := &output{more: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- runWith(ctx, nil, append([]string{"PORT=0", "HOST=127.0.0.1"}, environ...), out) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		if strings.Contains(out.String(), "0123456789abcdef") {
			t.Error("the secret was logged")
		}
	})
	limit := time.After(patience)
	for {
		if m := regexp.MustCompile(`http://localhost(:\d+)`).FindStringSubmatch(out.String()); m != nil {
			return "http://127.0.0.1" + m[1]
		}
		select {
		case <-out.more:
		case <-limit:
			t.Fatalf("does not listen:\n%s", out)
		}
	}
}

type answer struct {
	status int
	header http.Header
	body   string
}

// ask makes one request; headers are "Name: value".
func ask(t *testing.T, method, url string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

// servers is the body of an answer.
type servers struct {
	ICEServers []struct {
		URLs                 []string `json:"urls"`
		Username, Credential string
	} `json:"iceServers"`
	TTLSeconds int `json:"ttlSeconds"`
}

func (a answer) servers(t *testing.T) (s servers) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReportsAllBadSettingsAtOnce(t *testing.T) {
	t.Parallel()
	bad := map[string]string{
		"PORT": "http", "TURN_URLS": "turn://host", "STUN_URLS": "turn:host", "TURN_SECRET": "short", "TURN_TTL": "1s", "RATE_LIMIT_MESSAGES": "-1",
		"RATE_LIMIT_MS": "0", "TRUSTED_PROXIES": "10.0.0.0/40", "ALLOWED_ORIGINS": "example.com", "LOG_LEVEL": "loud", "LOG_FORMAT": "xml", "DRAIN_TIMEOUT": "1ms",
	}
	var environ []string
	for k, v := range bad {
		environ = append(environ, k+"="+v)
	}
	err := runWith(context.Background(), nil, environ, &output{})
	if err == nil {
		t.Fatal("started")
	}
	for name := range bad {
		if strings.Count(err.Error(), "\n  "+name) != 1 {
			t.Errorf("%s is not reported once:\n%v", name, err)
		}
	}
	if strings.Contains(err.Error(), "short") {
		t.Errorf("the secret is printed:\n%v", err)
	}
}

func TestSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for want, environ := range map[string][]string{
		"TURN_URLS: want this, STUN_URLS or both": nil,
		"TURN_SECRET: want at least 16":           {turnURL},
		"TURN_SECRET_FILE: read secret":           {turnURL, "TURN_SECRET_FILE=/does/not/exist"},
		"TURN_SECRET_FILE: want either this or":   {turnURL, secret, "TURN_SECRET_FILE=/does/not/exist"},
	} {
		if err := runWith(context.Background(), nil, environ, &output{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with %q: %v, want %q", environ, err, want)
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	out := &output{}
	if err := runWith(context.Background(), []string{"-h"}, nil, out); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("got %v", err)
	}
	for _, s := range settings.List(config{}) {
		if s.Help == "" || !strings.Contains(out.String(), s.Name) {
			t.Errorf("%s is not explained", s.Name)
		}
	}
	if err := runWith(context.Background(), []string{"x"}, nil, &output{}); err == nil {
		t.Error("an argument was taken silently")
	}
}
