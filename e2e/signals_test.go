package e2e_test

import (
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

var endSignals = map[string]os.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": os.Interrupt, "SIGHUP": syscall.SIGHUP}

// silent is a server that takes connections and never says anything.
func silent(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var open []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
		for _, c := range open {
			_ = c.Close()
		}
	})
	return l.Addr().String()
}

// TestEndBeforeTheStartIsOver: a process that is told to end as soon as it can hear it, with a Redis that refuses or never answers,
// ends well.
func TestEndBeforeTheStartIsOver(t *testing.T) {
	t.Parallel()
	launch := map[string]func(*testing.T) *proctest.Process{
		"Redis refuses": func(t *testing.T) *proctest.Process { return proctest.Launch(t, "REDIS_URL=redis://127.0.0.1:1") },
		"Redis is silent": func(t *testing.T) *proctest.Process {
			return proctest.Launch(t, "REDIS_URL=redis://"+silent(t), "DRAIN_TIMEOUT=2s")
		},
		"embedded": func(t *testing.T) *proctest.Process { return proctest.Launch(t) },
		"iceservers": func(t *testing.T) *proctest.Process {
			return proctest.LaunchICEServers(t, "STUN_URLS=stun:stun.example")
		},
	}
	for name, launch := range launch {
		for signal, s := range endSignals {
			t.Run(name+"/"+signal, func(t *testing.T) {
				t.Parallel()
				ctx := limit(t)
				x := launch(t)
				x.Awake(ctx)
				x.Signal(s)
				if err := x.Wait(ctx); err != nil {
					t.Errorf("ended with %v", err)
				}
			})
		}
	}
}

// TestSecondSignalEndsAtOnce: the clients are not waited for any more, and the status says so.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	x := proctest.Start(t, "DRAIN_TIMEOUT=1h")
	e := dial(ctx, t, client.Config{URL: x.URL(), Room: newRoom(), Source: client.Extension, Plain: true})
	e.settle() // one that is still being attached is sent away at once
	x.Terminate()
	waitFor(ctx, t, "the drain", func() bool { status, _ := x.Get("/ready"); return status == http.StatusServiceUnavailable })
	x.Terminate()
	err := x.Wait(ctx)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 128+int(syscall.SIGTERM) {
		t.Errorf("ended with %v", err)
	}
}

// TestDrainTimeoutIsHard: with a Redis and a collector that hang, a log that nothing reads and a scraper that does not read, the
// process still sends its clients away in good order and ends within DRAIN_TIMEOUT.
func TestDrainTimeoutIsHard(t *testing.T) {
	t.Parallel()
	const timeout = 2 * time.Second
	ctx := limit(t)
	redis := redistest.NewServer(t)
	x := proctest.Start(t, "REDIS_URL="+redis.URL(), "DRAIN_TIMEOUT="+timeout.String(), "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+silent(t), "LOG_LEVEL=debug")
	room := newRoom()
	e := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension, Plain: true})
	w := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet})
	e.meet()
	w.meet()
	scrapeUnread(t, x)
	redis.Pause()
	defer redis.Resume()
	x.HoldLog()
	x.Terminate()
	asked := time.Now()
	wait[client.GoAway](w)
	e.closed(1012)
	err := x.Wait(ctx)
	if took := time.Since(asked); err != nil || took > 2*timeout {
		t.Errorf("ended after %s with %v, want within %s", took, err, timeout)
	}
}

// scrapeUnread requests the metrics without reading them, until the process blocks on writing.
func scrapeUnread(t *testing.T, x *proctest.Process) {
	t.Helper()
	c, err := net.Dial("tcp", x.PrivateAddr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	request := []byte(strings.Repeat("GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: identity\r\n\r\n", 1000))
	for err == nil {
		_ = c.SetWriteDeadline(time.Now().Add(time.Second))
		_, err = c.Write(request)
	}
}
