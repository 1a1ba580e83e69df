package helm_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestValkeyStarts runs what the StatefulSet runs, its script with its configuration, password and certificate, on a real server, and
// connects as an instance does.
func TestValkeyStarts(t *testing.T) {
	server := os.Getenv("REJOIN_REDIS_SERVER")
	if server == "" {
		server = "redis-server"
	}
	if _, err := exec.LookPath(server); err != nil {
		t.Skip("no redis-server")
	}
	m := with(t, "")
	secret := m.must(t, "Secret/signal-rejoin-valkey-tls")
	dir := t.TempDir()
	put := func(name string, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"ca.crt", "tls.crt", "tls.key"} {
		put(name, decode(t, at(secret, "data", name)))
	}
	port := freePort(t)
	here := strings.NewReplacer("/etc/valkey", dir, "/run/tls", dir, "/tmp/valkey.conf", dir+"/started.conf", "dir /data", "dir "+dir,
		"valkey-server", server, "tls-port 6379", "tls-port "+port)
	put("valkey.conf", []byte(here.Replace(at(m.must(t, "ConfigMap/signal-rejoin-valkey"), "data", "valkey.conf").(string))))
	valkey := container(m.must(t, "StatefulSet/signal-rejoin-valkey"))
	cmd := exec.Command("sh", "-ec", here.Replace(at(valkey, "args", 0).(string)))
	cmd.Env = append(os.Environ(), "PASSWORD=word")
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	defer func() { _ = cmd.Process.Kill(); <-exited }()

	authority := x509.NewCertPool()
	authority.AppendCertsFromPEM(decode(t, at(secret, "data", "ca.crt")))
	conn := dial(t, "127.0.0.1:"+port, &tls.Config{RootCAs: authority, ServerName: "signal-rejoin-valkey.rejoin.svc", MinVersion: tls.VersionTLS12}, exited, &log)
	defer conn.Close()
	answers := bufio.NewScanner(conn)
	for _, c := range []struct{ command, want string }{
		{"PING", "-NOAUTH"},
		{"AUTH word", "+OK"},
		{"PING", "+PONG"},
		{"CONFIG GET maxmemory-policy", "noeviction"},
		{"CONFIG GET appendonly", "yes"},
		{"CONFIG GET maxmemory", fmt.Sprint(768 << 20)},
	} {
		if _, err := fmt.Fprintf(conn, "%s\r\n", c.command); err != nil {
			t.Fatal(err)
		}
		lines := 1
		if strings.HasPrefix(c.command, "CONFIG") {
			lines = 5 // an array of two strings, each with its length before it
		}
		var last string
		for range lines {
			if !answers.Scan() {
				t.Fatalf("%s: %v", c.command, answers.Err())
			}
			last = answers.Text()
		}
		if !strings.HasPrefix(last, c.want) {
			t.Errorf("%s: %q, want %q", c.command, last, c.want)
		}
	}
}

// dial connects as soon as the server listens.
func dial(t *testing.T, address string, config *tls.Config, exited <-chan struct{}, log fmt.Stringer) *tls.Conn {
	t.Helper()
	for limit := time.Now().Add(time.Minute); ; {
		conn, err := tls.Dial("tcp", address, config)
		if err == nil {
			_ = conn.SetDeadline(limit)
			return conn
		}
		select {
		case <-exited:
			t.Fatalf("it ended:\n%s", log)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(limit) {
			t.Fatal(err)
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
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
