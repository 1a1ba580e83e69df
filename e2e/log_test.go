package e2e_test

import (
	"errors"
	"net/http"
	"sync"
	"testing"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// unread are the ways in which the log of a process is read no more.
var unread = map[string]func(*proctest.Process){
	"reader gone": (*proctest.Process).CloseLog, "reader hangs": (*proctest.Process).HoldLog,
}

// TestNothingWaitsForTheLog (R29): when nothing reads the log, messages are exchanged, probes are answered, the metric counts what is lost,
// and SIGTERM drains as ever.
func TestNothingWaitsForTheLog(t *testing.T) {
	t.Parallel()
	for name, stop := range unread {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := limit(t)
			x := proctest.Start(t, "REDIS_URL="+redistest.Server(t), "LOG_LEVEL=debug", "RESUME_BY_ROLE=none")
			room := newRoom()
			e := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension, Plain: true})
			w := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet})
			wallet, extension := e.meet(), w.meet()
			stop(x)
			for x.Metric("rejoin_log_dropped_lines_total") == 0 {
				comeAndGo(t, x, 100)
			}
			e.send(wallet, "offer", "there")
			w.send(extension, "answer", "back")
			if got := wait[client.Data](w).Payload; got != "there" {
				t.Errorf("the wallet got %q", got)
			}
			if got := wait[client.Data](e).Payload; got != "back" {
				t.Errorf("the extension got %q", got)
			}
			for _, path := range []string{"/health", "/ready"} {
				if status, body := x.Get(path); status != http.StatusOK {
					t.Errorf("%s: %d %s", path, status, body)
				}
			}
			x.Terminate()
			wait[client.GoAway](w)
			e.closed(1012)
			if err := x.Wait(ctx); err != nil {
				t.Errorf("the process ended with %v", err)
			}
		})
	}
}

// comeAndGo lets plain clients connect and leave, each of which is two lines of level debug.
func comeAndGo(t *testing.T, x *proctest.Process, n int) {
	t.Helper()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range n / 4 {
				c, err := client.Dial(t.Context(), client.Config{URL: x.URL(), Room: newRoom(), Source: client.Extension, Plain: true})
				if err != nil {
					t.Error(err)
					return
				}
				c.Abort()
			}
		})
	}
	wg.Wait()
}

// closed waits for the end of a plain client and checks the close code.
func (p peer) closed(code int) {
	p.t.Helper()
	for {
		ev, err := p.Next(p.ctx)
		if lost, ok := ev.(client.Disconnected); ok {
			err = lost.Err
		}
		if err == nil {
			continue
		}
		var ce *client.CloseError
		if !errors.As(err, &ce) || ce.Code != code {
			p.t.Errorf("ended with %v, want close code %d", err, code)
		}
		return
	}
}

// TestICEServersNeedNoLog is the same for functions/iceservers.
func TestICEServersNeedNoLog(t *testing.T) {
	t.Parallel()
	for name, stop := range unread {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := proctest.StartICEServers(t, "STUN_URLS=stun:stun.example:3478")
			stop(x)
			for _, path := range []string{"/health", "/ice-servers"} {
				if status, body := x.Get(path); status != http.StatusOK {
					t.Errorf("%s: %d %s", path, status, body)
				}
			}
			x.Terminate() // its line "stopped" is what ends a process that heeds SIGPIPE
			if err := x.Wait(limit(t)); err != nil {
				t.Errorf("the process ended with %v", err)
			}
		})
	}
}
