package deploy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/compose-spec/compose-go/v2/types"
)

func TestACMEWantsName(t *testing.T) {
	t.Parallel()
	if _, err := load(t, acme, nil); err == nil || !strings.Contains(err.Error(), "DOMAIN") {
		t.Errorf("without DOMAIN: %v", err)
	}
}

// TestACME: Caddy alone is reached by the names of the web, everything is as in production, and the certificates are kept.
func TestACME(t *testing.T) {
	t.Parallel()
	p := project(t, acme, []string{"DOMAIN=signal.example.com"})
	prod := project(t, production, []string{"TLS_DIR=/tls", "PORT=80"})
	var published []string
	for _, port := range p.Services["caddy"].Ports {
		published = append(published, port.Published)
	}
	slices.Sort(published)
	if !slices.Equal(published, []string{"443", "80"}) {
		t.Errorf("published: %v", published)
	}
	if v := p.Services["caddy"].Volumes; !slices.ContainsFunc(v, func(v types.ServiceVolumeConfig) bool { return v.Source == "certificates" && v.Target == "/data" }) {
		t.Errorf("certificates are asked for anew at each start: %v", v)
	}
	for _, name := range []string{"signal", "iceservers"} {
		for key, value := range prod.Services[name].Environment {
			if got := p.Services[name].Environment[key]; key != "PORT" && (got == nil || *got != *value) {
				t.Errorf("%s: %s is %v, in production %s", name, key, got, *value)
			}
		}
	}
	if b := p.Services["balancer"]; setting(t, b, "ACME") == "" || setting(t, b, "DOMAIN") != "signal.example.com" || b.Environment["TLS"] != nil {
		t.Errorf("%v", b.Environment)
	}
	if !strings.Contains(read(t, "deploy/caddy/Caddyfile"), "{$UPSTREAM:balancer:8080}") || !strings.Contains(read(t, "deploy/haproxy/haproxy.cfg"), "    bind :8080\n") {
		t.Error("Caddy and the balancer do not meet on one port")
	}
	for name, s := range p.Services {
		if name != "secret" && s.Restart != "always" {
			t.Errorf("%s does not start again: %q", name, s.Restart)
		}
	}
}

// TestCaddy runs a real one: WebSockets pass, paths and queries go on as they are, the balancer learns who the client is whatever it
// says of itself, and no log has a room in it.
func TestCaddy(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("caddy"); err != nil {
		t.Skip("no caddy here: ./scripts/test prerequisites installs it where a package is, ./scripts/compose-verify runs it in a container")
	}
	room := strings.Repeat("ab", 32)
	seen := make(chan *http.Request, 10)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		if r.URL.Path == "/cut/"+room {
			panic(http.ErrAbortHandler) // Caddy logs that as an error
		}
		conn, err := websocket.Accept(w, r, nil)
		if err == nil {
			_, text, _ := conn.Read(r.Context())
			_ = conn.Write(r.Context(), websocket.MessageText, text)
		}
	}))
	defer backend.Close()
	c := startCaddy(t, "localhost", strings.TrimPrefix(backend.URL, "http://"))

	target := "//" + room + "?source=wallet&target=extension"
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "wss://localhost:"+c.port+target, &websocket.DialOptions{
		HTTPClient: c.client, HTTPHeader: http.Header{"X-Forwarded-For": {"9.9.9.9"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	if err := conn.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := conn.Read(ctx); err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
	r := <-seen
	if r.RequestURI != target {
		t.Errorf("the balancer is asked for %s, the client asked for %s", r.RequestURI, target)
	}
	if got := r.Header.Values("X-Forwarded-For"); len(got) != 1 || strings.Contains(got[0], "9.9.9.9") || net.ParseIP(got[0]) == nil {
		t.Errorf("X-Forwarded-For: %q", got)
	}

	res, err := c.client.Get("https://localhost:" + c.port + "/cut/" + room)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusBadGateway {
		t.Errorf("a backend that is gone: %d", res.StatusCode)
	}
	if res.Header.Get("Strict-Transport-Security") == "" {
		t.Error("browsers are not told to stay with TLS")
	}
	c.stop()
	if log := c.log.String(); strings.Contains(log, room) || !strings.Contains(log, "502") {
		t.Errorf("the log has a room in it, or no error:\n%s", log)
	}
}

// caddy is one that runs.
type caddy struct {
	port   string
	client *http.Client // knows its authority
	log    *bytes.Buffer
	stop   func()
}

func startCaddy(t *testing.T, domain, upstream string) caddy {
	t.Helper()
	dir := t.TempDir()
	port, other := freePort(t), freePort(t)
	cmd := exec.Command("caddy", "run", "--config", "../../deploy/caddy/Caddyfile", "--adapter", "caddyfile")
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir,
		"DOMAIN=" + domain, "HTTPS_PORT=" + port, "HTTP_PORT=" + other, "UPSTREAM=" + upstream,
	}
	c := caddy{port: port, log: &bytes.Buffer{}}
	cmd.Stdout, cmd.Stderr = c.log, c.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	c.stop = func() { _ = cmd.Process.Signal(os.Interrupt); <-ended }
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })

	root := filepath.Join(dir, "caddy", "pki", "authorities", "local", "root.crt")
	for limit := time.Now().Add(time.Minute); ; {
		authority := x509.NewCertPool()
		if text, err := os.ReadFile(root); err == nil && authority.AppendCertsFromPEM(text) {
			config := &tls.Config{RootCAs: authority, MinVersion: tls.VersionTLS12}
			if conn, err := tls.Dial("tcp", "localhost:"+port, config); err == nil {
				_ = conn.Close()
				c.client = &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
				return c
			}
		}
		select {
		case <-ended:
			t.Fatalf("caddy ended:\n%s", c.log)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(limit) {
			t.Fatal("caddy does not listen")
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}
