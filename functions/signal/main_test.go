package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rejoin-dev/rejoin/functions/internal/process"
	"github.com/rejoin-dev/rejoin/functions/internal/settings"
)

var update = flag.Bool("update", false, "write the tables of settings, metrics and alerts into docs/")

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// go-redis looks once a second whether a dead server is back; it sees that the pool is closed then.
		goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

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

// await blocks until a pattern was printed and returns its first group.
func (o *output) await(t *testing.T, pattern string) string {
	t.Helper()
	timeout := time.After(time.Minute)
	for {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(o.String()); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-o.more:
		case <-timeout:
			t.Fatalf("%q was not printed:\n%s", pattern, o)
		}
	}
}

// runWith is run, with all that was printed in out afterwards.
func runWith(ctx context.Context, args, environ []string, out io.Writer) error {
	p := process.New(args, environ, out)
	defer p.Out.Close(time.Minute)
	return run(ctx, p)
}

// start runs the service until the returned function is called, which returns run's error.
func start(t *testing.T, settings ...string) (out *output, stop func() error) {
	t.Helper()
	out = &output{more: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- runWith(ctx, nil, append([]string{"PORT=0", "HTTP_PORT=0", "HOST=127.0.0.1"}, settings...), out)
	}()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { _ = stop() })
	return out, stop
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	_, _ = b.ReadFrom(res.Body)
	return res.StatusCode, b.String()
}

func TestServesOnEmbeddedRedis(t *testing.T) {
	t.Parallel()
	out, stop := start(t)
	public := "http://127.0.0.1:" + out.await(t, `ws://localhost:(\d+)`)
	private := "http://127.0.0.1:" + out.await(t, `http://localhost:(\d+)`)
	out.await(t, "no REDIS_URL: .* nothing is shared .* nothing is kept")
	for url, want := range map[string]string{public + "/health": "ok", private + "/health": "ok"} {
		if code, body := get(t, url); code != http.StatusOK || !strings.HasPrefix(body, want) {
			t.Errorf("%s: %d %q", url, code, body)
		}
	}
	ready := func() bool { code, _ := get(t, private+"/ready"); return code == http.StatusOK }
	for !ready() {
		<-time.After(10 * time.Millisecond)
	}
	_, metrics := get(t, private+"/metrics")
	for _, name := range []string{
		"rejoin_messages_total", "rejoin_replayed_total", "rejoin_superseded_total", "rejoin_doorbell_holes_total", "rejoin_sessions ",
		"rejoin_sessions_suspended", "rejoin_redis_script_duration_seconds_bucket", "rejoin_edge_", "go_goroutines",
	} {
		if !strings.Contains(metrics, name) {
			t.Errorf("no metric %s", name)
		}
	}
	if code, _ := get(t, private+"/debug/pprof/"); code != http.StatusNotFound {
		t.Errorf("pprof answers %d though it is not enabled", code)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestStaysAliveWithoutRedis: liveness stays green, readiness says why not, newcomers are refused before the upgrade. R15.
func TestStaysAliveWithoutRedis(t *testing.T) {
	t.Parallel()
	out, stop := start(t, "REDIS_URL=redis://127.0.0.1:1", "PPROF=true")
	private := "http://127.0.0.1:" + out.await(t, `http://localhost:(\d+)`)
	if code, _ := get(t, private+"/health"); code != http.StatusOK {
		t.Errorf("health: %d", code)
	}
	if code, body := get(t, private+"/ready"); code != http.StatusServiceUnavailable || !strings.Contains(body, "redis") {
		t.Errorf("ready: %d %q", code, body)
	}
	if code, _ := get(t, private+"/debug/pprof/"); code != http.StatusOK {
		t.Errorf("pprof: %d", code)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestReportsAllBadSettingsAtOnce(t *testing.T) {
	t.Parallel()
	bad := map[string]string{
		"PORT": "http", "GRACE_WINDOW": "60", "REDIS_URL": "http://user:secret@host", "RESUME_BY_ROLE": "phone", "MAX_MESSAGE_BYTES": "10", "MAX_HEAD_BYTES": "10", "BASE_PATH": "/a/../b", "MAX_BUFFERED_BYTES": "100",
		"LOG_LEVEL": "loud", "ALLOWED_ORIGINS": "example.com", "LOG_FORMAT": "xml", "PPROF": "perhaps", "DEMO": "perhaps", "DRAIN_TIMEOUT": "1ms", "ROOM_CLIENTS": "1",
		"TURN_URLS": "turn://host", "TRUSTED_PROXIES": "10.0.0.0/40", "MAX_CONNECTIONS_PER_ADDRESS": "-1", "NEW_CONNECTIONS_PER_ADDRESS": "-1", "STUN_URLS": "host", "TURN_SECRET": "short", "TURN_TTL": "10s",
		"OTEL_EXPORTER_OTLP_ENDPOINT": "grpc://secret@host", "OTEL_TRACES_EXPORTER": "zipkin", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
		"OTEL_EXPORTER_OTLP_HEADERS": "secret", "OTEL_EXPORTER_OTLP_COMPRESSION": "zip", "OTEL_EXPORTER_OTLP_TIMEOUT": "0",
		"OTEL_TRACES_SAMPLER": "jaeger_remote", "OTEL_TRACES_SAMPLER_ARG": "2", "OTEL_SDK_DISABLED": "perhaps",
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
		if len(regexp.MustCompile(`\n  `+name+`\b`).FindAllString(err.Error(), -1)) != 1 {
			t.Errorf("%s is not reported once:\n%v", name, err)
		}
	}
	if strings.Count(err.Error(), "want") != len(bad) {
		t.Errorf("not every line says what was wanted:\n%v", err)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is printed:\n%v", err)
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
	if err := runWith(context.Background(), []string{"redis://x"}, nil, &output{}); err == nil {
		t.Error("an argument was taken silently")
	}
}

// TestDocsListSettings compares the table in docs/settings.md with the settings; -update writes it.
func TestDocsListSettings(t *testing.T) {
	t.Parallel()
	written(t, "../../docs/settings.md", "settings", settings.Markdown(config{}))
}

// written compares a document's text between the two marks of that name with want; -update writes it.
func written(t *testing.T, path, name, want string) {
	t.Helper()
	begin, end := "<!-- "+name+": written by `go test ./functions/signal -update` -->\n", "<!-- /"+name+" -->"
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(old), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the %s", path, name)
	}
	now := before + begin + want + end + after
	if now == string(old) {
		return
	}
	if !*update {
		t.Fatalf("the table of %s in %s is old: go test ./functions/signal -update", name, path)
	}
	if err := os.WriteFile(path, []byte(now), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestDemo: the demo is on with the embedded Redis, and otherwise only when asked for.
func TestDemo(t *testing.T) {
	t.Parallel()
	for settings, want := range map[string]int{
		"DEMO=": http.StatusOK, "DEMO=true": http.StatusOK, "DEMO=false": http.StatusNotFound,
		"REDIS_URL=redis://127.0.0.1:1": http.StatusNotFound,
	} {
		out, stop := start(t, settings)
		private := "http://127.0.0.1:" + out.await(t, `http://localhost:(\d+)`)
		if code, _ := get(t, private+"/demo/"); code != want {
			t.Errorf("%s: %d, want %d", settings, code, want)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
}
