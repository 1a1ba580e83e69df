package e2e_test

import (
	"context"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// TestWhatAConnectionIDGives: with a connectionId you get into the room, as another client. What is for a client of rejoin.v1 it never
// gets, neither while that one is there nor while it is away. What waits for a plain wallet that is away it does get.
func TestWhatAConnectionIDGives(t *testing.T) {
	t.Parallel()
	for name, plain := range map[string]bool{"rejoin.v1": false, "plain": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := limit(t)
			x := proctest.Start(t, "REDIS_URL="+redistest.Server(t))
			room := newRoom()
			extension := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension, Plain: plain})
			wallet := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet, Plain: plain})
			to := extension.meet()
			wallet.meet()

			intruder := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet, Plain: plain})
			toIntruder := extension.meet()
			if toIntruder == to {
				t.Fatal("the intruder is taken for the wallet")
			}
			extension.send(to, "offer", "for the wallet")
			extension.send(toIntruder, "offer", "for the intruder")
			if got := wait[client.Data](intruder).Payload; got != "for the intruder" {
				t.Errorf("the intruder got %q", got)
			}
			if got := wait[client.Data](wallet).Payload; got != "for the wallet" {
				t.Errorf("the wallet got %q", got)
			}
			if err := intruder.Close(ctx); err != nil {
				t.Error(err)
			}
			wait[client.PeerDisconnected](extension)

			position := wallet.Position()
			wallet.Abort()
			extension.send(to, "iceCandidate", "while the wallet is away")
			whileAway(ctx, t, x, room, extension, to, plain)
			if plain {
				return
			}
			wallet = dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet, Resume: &position})
			if got := wait[client.Data](wallet).Payload; got != "while the wallet is away" {
				t.Errorf("the wallet got %q", got)
			}
		})
	}
}

// whileAway has an intruder of each dialect join while a wallet is away, and looks who gets what waits for it.
func whileAway(ctx context.Context, t *testing.T, x *proctest.Process, room string, extension peer, to string, plain bool) {
	t.Helper()
	if plain {
		thief := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet, Plain: true})
		if got := wait[client.Data](thief).Payload; got != "while the wallet is away" {
			t.Errorf("SECURITY.md says that this is given away, but there was %q", got)
		}
		return
	}
	for _, dialect := range []bool{true, false} {
		intruder := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet, Plain: dialect})
		toIntruder := wait[client.PeerConnected](extension).ID
		extension.send(toIntruder, "offer", "for the intruder")
		if got := wait[client.Data](intruder).Payload; toIntruder == to || got != "for the intruder" {
			t.Errorf("the intruder got %q", got)
		}
		if err := intruder.Close(ctx); err != nil {
			t.Error(err)
		}
	}
}

// TestWhatAResumeTokenGives: who has the token and knows the room is that session from then on, and its client is told so by the
// close code. In another room, in the other role, or once the session has ended, it gives nothing.
func TestWhatAResumeTokenGives(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	x := proctest.Start(t, "REDIS_URL="+redistest.Server(t))
	room := newRoom()
	wallet := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet})
	id, stolen := wait[client.Session](wallet).ClientID, wallet.Position()
	for what, cfg := range map[string]client.Config{
		"another room":   {Room: newRoom(), Source: client.Wallet},
		"the other role": {Room: room, Source: client.Extension},
	} {
		cfg.URL, cfg.Resume = x.URL(), &stolen
		p := dial(ctx, t, cfg)
		if s := wait[client.Session](p); s.Resumed || s.Reason != "mismatch" {
			t.Errorf("%s: resumed %v, %s", what, s.Resumed, s.Reason)
		}
		if err := p.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	thief := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet, Resume: &stolen})
	if s := wait[client.Session](thief); !s.Resumed || s.ClientID != id {
		t.Errorf("not resumed: %s", s.Reason)
	}
	for {
		if _, err := wallet.Next(ctx); err != nil {
			if !strings.Contains(err.Error(), "4001") {
				t.Errorf("the client is told %v", err)
			}
			break
		}
	}
	latest := thief.Position()
	if err := thief.Close(ctx); err != nil {
		t.Error(err)
	}
	late := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet, Resume: &latest})
	if s := wait[client.Session](late); s.Resumed || s.ClientID == id {
		t.Error("resumed though the session has ended")
	}
}

// TestLogsAndMetricsHoldNoSecret: at the most talkative log level, with clients that behave and clients that do not, neither the log
// nor the private port tells a connectionId, a token or a payload.
func TestLogsAndMetricsHoldNoSecret(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	redis := redistest.NewServer(t)
	x := proctest.Start(t, "REDIS_URL="+redis.URL(), "LOG_LEVEL=debug", "GRACE_WINDOW=1s", "REDIS_TIMEOUT=1s")
	secrets := []string{"the payload"}
	for _, plain := range []bool{true, false} {
		room := newRoom()
		e := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension, Plain: plain})
		w := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet, Plain: plain, Reconnect: true})
		to := e.meet()
		w.meet()
		e.send(to, "offer", "the payload")
		wait[client.Data](w)
		if token := w.Position().Token; token != "" {
			secrets = append(secrets, token)
		}
		w.Drop()
		e.send(to, "offer", "the payload")
		wait[client.Data](w)
		exchange(ctx, t, x.Addr(), upgradeHead(room)+"the payload")
		exchange(ctx, t, x.Addr(), strings.Replace(upgradeHead(room), "source=wallet", "source=nobody", 1))
		exchange(ctx, t, x.Addr(), "GET /"+room+" HTTP/1.1\r\n\r\n")
		secrets = append(secrets, room, w.Position().Token)
	}
	secrets = append(secrets, endSessions(ctx, t, x)...)
	redis.Pause() // errors are what logs are full of
	redis.Stop()
	waitFor(ctx, t, "the outage to be noticed", func() bool { status, _ := x.Get("/ready"); return status != 200 })
	redis.Start()
	waitFor(ctx, t, "the end of the outage", func() bool { status, _ := x.Get("/ready"); return status == 200 })
	waitFor(ctx, t, "the four sessions to be in Redis again", func() bool { return x.Metric("rejoin_restores_total") >= 4 })
	_, metrics := x.Get("/metrics")
	_, ready := x.Get("/ready")
	x.Terminate()
	if err := x.Wait(ctx); err != nil {
		t.Error(err)
	}
	for _, line := range []string{`"connection ended"`, `"session ended","how":"left"`, `"session ended","how":"expired"`, `"session ended","how":"drained"`} {
		if !strings.Contains(x.Log(), line) {
			t.Errorf("the log has no %s", line)
		}
	}
	for where, text := range map[string]string{"the log": x.Log(), "/metrics": metrics, "/ready": ready} {
		if len(text) == 0 {
			t.Errorf("%s is empty", where)
		}
		for _, secret := range secrets {
			if secret != "" && strings.Contains(strings.ToLower(text), strings.ToLower(secret)) {
				t.Errorf("%s tells %.8s…", where, secret)
			}
		}
	}
}

// endSessions has sessions end: of a client that leaves, and of one that does not come back. It returns what must stay secret.
func endSessions(ctx context.Context, t *testing.T, x *proctest.Process) (secrets []string) {
	t.Helper()
	for _, plain := range []bool{true, false} {
		room := newRoom()
		e := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension, Plain: plain})
		w := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet, Plain: plain})
		to := e.meet()
		secrets = append(secrets, room, to, w.meet(), w.Position().Token, e.Position().Token)
		w.Abort()
		if !plain {
			wait[client.PeerSuspended](e)
		}
		wait[client.PeerDisconnected](e)
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	return secrets
}
