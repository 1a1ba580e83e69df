package redistest_test

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// need skips or fails the test where there is no redis-server.
func need(t *testing.T) {
	t.Helper()
	redistest.NewServer(t)
}

// dial returns a client of the server at url that never retries and never waits for long.
func dial(t *testing.T, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries = -1
	client := redis.NewClient(options)
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

func set(t *testing.T, client *redis.Client, key, value string) {
	t.Helper()
	if err := client.Set(t.Context(), key, value, 0).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestServerIsUpAndConfiguredWhenReturned(t *testing.T) {
	t.Parallel()
	client := dial(t, redistest.NewServer(t, "--maxmemory", "8mb").URL())
	for name, want := range map[string]string{
		"save": "", "appendonly": "no", "stream-node-max-bytes": "1024", "bind": "127.0.0.1", "maxmemory": "8388608",
	} {
		got, err := client.ConfigGet(t.Context(), name).Result()
		if err != nil || got[name] != want {
			t.Errorf("%s is %q (error %v), want %q", name, got[name], err, want)
		}
	}
}

func TestStopAndKillLoseTheDataAndKeepThePort(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*redistest.Standalone){
		"stop":         (*redistest.Standalone).Stop,
		"kill":         (*redistest.Standalone).Kill,
		"stop, paused": func(s *redistest.Standalone) { s.Pause(); s.Stop() },
		"kill, paused": func(s *redistest.Standalone) { s.Pause(); s.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.NewServer(t)
			url := server.URL()
			set(t, dial(t, url), "key", "value")
			end(server)
			if listens(server.Addr()) {
				t.Fatal("the stopped server accepted a connection")
			}
			server.Start()
			if server.URL() != url {
				t.Errorf("the URL changed from %s to %s", url, server.URL())
			}
			if err := dial(t, url).Get(t.Context(), "key").Err(); !errors.Is(err, redis.Nil) {
				t.Errorf("get after the restart: %v, want none", err)
			}
		})
	}
}

func TestStartAndStopTwiceDoNothing(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t)
	client := dial(t, server.URL())
	set(t, client, "key", "value")
	server.Start()
	if got := client.Get(t.Context(), "key").Val(); got != "value" {
		t.Errorf("after Start of a running server: %q", got)
	}
	server.Stop()
	server.Stop()
	server.Kill()
}

func TestPausedServerAnswersOnceResumed(t *testing.T) {
	t.Parallel()
	server := redistest.NewServer(t)
	client := dial(t, server.URL())
	set(t, client, "key", "value")
	conn, err := net.Dial("tcp", server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	server.Pause()
	if _, err := conn.Write([]byte("GET key\r\n")); err != nil {
		t.Fatal(err)
	}
	// That nothing comes can only be seen by waiting; however short, it never fails a good server.
	if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, 64)
	if n, err := conn.Read(reply); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the paused server answered %q, error %v", reply[:n], err)
	}

	server.Resume()
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(reply); err != nil || string(reply[:n]) != "$5\r\nvalue\r\n" {
		t.Fatalf("after Resume: %q, error %v", reply[:n], err)
	}
}

func TestBadArgumentsFailWithTheLog(t *testing.T) {
	t.Parallel()
	need(t)
	end := run(func(tb testing.TB) { redistest.NewServer(tb, "--maxmemory-policy", "whatever") })
	if !end.failed || !strings.Contains(end.text, "exited") {
		t.Errorf("ended with %+v", end)
	}
}

func TestServersEndWithTheirTest(t *testing.T) {
	t.Parallel()
	need(t)
	var address string
	t.Run("inner", func(t *testing.T) { address = redistest.NewServer(t).Addr() })
	if listens(address) {
		t.Error("the server outlived its test")
	}
}

func listens(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
