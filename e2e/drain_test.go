package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// TestDrainHandsOver: an instance that is told to end, by any of the signals, asks its rejoin.v1 clients to go, hands plain
// wallets over, refuses newcomers before the upgrade, and ends well; what is sent meanwhile arrives. R16, R19.
func TestDrainHandsOver(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]func(*proctest.Process){
		"SIGTERM": (*proctest.Process).Terminate, "SIGINT": (*proctest.Process).Interrupt,
		"SIGHUP": func(p *proctest.Process) { p.Signal(syscall.SIGHUP) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := limit(t)
			redis := "REDIS_URL=" + redistest.Server(t)
			x, y := proctest.Start(t, redis), proctest.Start(t, redis, "DRAIN_TIMEOUT=2s")
			var extensions, wallets []peer
			var ids []string
			for _, plain := range []bool{false, true} {
				room := newRoom()
				e := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension, Plain: plain})
				w := dial(ctx, t, client.Config{URLs: []string{y.URL(), x.URL()}, Room: room, Source: client.Wallet, Plain: plain, Reconnect: true})
				ids = append(ids, e.meet())
				w.meet()
				extensions, wallets = append(extensions, e), append(wallets, w)
			}
			signal(y)
			for i, e := range extensions {
				for _, payload := range []string{"one", "two", "three"} {
					e.send(ids[i], "iceCandidate", payload)
				}
			}
			for i, w := range wallets {
				asked := false
				var got []string
				for len(got) < 3 || i == 0 && !asked {
					switch ev := w.next().(type) {
					case client.Data:
						got = append(got, ev.Payload)
					case client.GoAway:
						asked = true
					}
				}
				if want := []string{"one", "two", "three"}; !slices.Equal(got, want) {
					t.Errorf("wallet %d got %q, want %q", i, got, want)
				}
			}
			if err := y.Wait(ctx); err != nil {
				t.Errorf("the drained process ended with %v", err)
			}
			if !strings.Contains(y.Log(), `"msg":"drained","clients_cut":0`) {
				t.Error("clients were cut")
			}
		})
	}
}

// TestRefusesBeforeUpgrade: an instance that has no room left says so with 503 and Retry-After, and opens no socket. R19.
func TestRefusesBeforeUpgrade(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	x := proctest.Start(t, "MAX_CONNECTIONS=1")
	dial(ctx, t, client.Config{URL: x.URL(), Room: newRoom(), Source: client.Wallet})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+x.Addr()+"/"+newRoom()+"?source=wallet&target=extension", nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("got %s with Retry-After %q, want 503 and seconds", res.Status, res.Header.Get("Retry-After"))
	}
}

// TestRotatesBeforePlatformCuts: connections that near MAX_CONNECTION_AGE are asked to reconnect, and the application
// notices nothing. R17.
func TestRotatesBeforePlatformCuts(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	redis := "REDIS_URL=" + redistest.Server(t)
	x, y := proctest.Start(t, redis, "MAX_CONNECTION_AGE=2s"), proctest.Start(t, redis)
	room := newRoom()
	wallet := dial(ctx, t, client.Config{URLs: []string{x.URL(), y.URL()}, Room: room, Source: client.Wallet})
	extension := dial(ctx, t, client.Config{URL: y.URL(), Room: room, Source: client.Extension})
	id := extension.meet()
	if reason := wait[client.GoAway](wallet).Reason; reason != "rotate" {
		t.Errorf("asked to go away for %q", reason)
	}
	if s := wait[client.Session](wallet); !s.Resumed {
		t.Errorf("not resumed: %s", s.Reason)
	}
	extension.send(id, "offer", "after")
	if got := wait[client.Data](wallet).Payload; got != "after" {
		t.Errorf("got %q", got)
	}
}
