package host_test

import (
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/host"
)

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"redis:6379", "redis.example.com.:6379", "my_redis-1:1", "127.0.0.1:65535", "[::1]:6379", "[fe80::1%eth0]:6379", "xn--bcher-kva.example:80", "1a.example:6379", "4.example:1",
	} {
		if err := host.CheckAddress(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		"": "port", ":6379": "missing", "redis": "port", "redis:": "port", "redis:0": "port", "redis:65536": "port", "redis:99999": "port", "redis:-1": "port", "redis:http": "port",
		"redis:+1": "port", "redis:6379:6379": "brackets", "::1:6379": "brackets", "::1": "brackets", "[::1": "brackets", "[::1]": "brackets",
		"${REDIS_HOST}:6379": "not expanded", "$REDIS_HOST:6379": "not expanded", "redis:${PORT}": "not expanded", "{{ .Host }}:6379": "not expanded", "..:6379": "letters",
		".redis:6379": "letters", "redis..x:6379": "letters", "re dis:6379": "letters", "redis\n:6379": "letters", "-redis:6379": "letters", "redis-:6379": "letters", "bücher:6379": "letters",
		"<host>:6379": "letters", "10.0.0:6379": "IPv4", "256.1.1.1:6379": "IPv4", "1234:6379": "IPv4",
		strings.Repeat("a", 64) + ":6379": "letters", strings.Repeat("a.", 128) + ":6379": "letters",
	} {
		err := host.CheckAddress(bad)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", bad, err, want)
		}
	}
	if err := host.CheckAddresses([]string{"a:1", "b:0"}); err == nil {
		t.Error("the second of two is not looked at")
	}
}

func TestListen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "[::]": "::", "::": "::", "[::1]": "::1", "0.0.0.0": "0.0.0.0", "localhost": "localhost", "fe80::1%lo": "fe80::1%lo",
	} {
		if got, err := host.Listen(text); got != want || err != nil {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"[::", "::]", "[0.0.0.0]", "[::]:4000", "0.0.0.0:4000", ":4000", "localhost:4000", "*", "http://localhost", "${HOST}", "10.0.0", "a b", "/run/sock"} {
		if got, err := host.Listen(text); err == nil {
			t.Errorf("%q is taken as %q", text, got)
		}
	}
}

func TestWebSocketURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"ws://localhost:4000": "ws://localhost:4000", " wss://signal.example.com/base/\n": "wss://signal.example.com/base/", "ws://[::1]:1": "ws://[::1]:1",
	} {
		if got, err := host.WebSocketURL(text); got != want || err != nil {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "localhost:4000", "http://localhost", "redis://redis", "ws://", "ws://localhost:99999", "ws://localhost:0", "ws://${HOST}:4000", "ws://::1:4000", "wss://..", "ws://a?x=1", "ws:a",
	} {
		if got, err := host.WebSocketURL(text); err == nil || !strings.Contains(err.Error(), "want ws://") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}
