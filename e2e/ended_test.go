package e2e_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// endings are the lines about ends of sessions that a process logged, by client.
func endings(t *testing.T, p *proctest.Process, id string) (lines []map[string]any) {
	t.Helper()
	for text := range strings.Lines(p.Log()) {
		var line map[string]any
		if json.Unmarshal([]byte(text), &line) == nil && line["msg"] == "session ended" && line["client"] == id[:8] {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestOneLineSaysWhatBecameOfASession: a wallet moves from Y to X, gets what waited, and leaves; an extension does not come back.
// One line each, over both instances, with what happened on all connections.
func TestOneLineSaysWhatBecameOfASession(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	settings := []string{"REDIS_URL=" + redistest.Server(t), "LOG_LEVEL=debug", "GRACE_WINDOW=1s"}
	x, y, room := proctest.Start(t, append(settings, "INSTANCE_ID=X-"+newRoom()[:8])...), proctest.Start(t, settings...), newRoom()
	e := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension})
	w := dial(ctx, t, client.Config{URLs: []string{y.URL(), x.URL()}, Room: room, Source: client.Wallet})
	wallet, extension := e.meet(), w.meet()
	e.send(wallet, "offer", "one")
	wait[client.Data](w)
	at, err := w.Detach(ctx)
	if err != nil {
		t.Fatal(err)
	}
	wait[client.PeerSuspended](e)
	e.send(wallet, "iceCandidate", "three")
	back := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet, Resume: &at})
	back.Ack(wait[client.Data](back))
	wait[client.PeerResumed](e)
	e.Abort()
	wait[client.PeerSuspended](back)
	back.send(extension, "iceCandidate", "four")
	wait[client.PeerDisconnected](back)
	if err := back.Close(ctx); err != nil {
		t.Fatal(err)
	}
	waitFor(ctx, t, "the lines", func() bool {
		return len(endings(t, x, wallet))+len(endings(t, y, wallet)) > 0 && len(endings(t, x, extension))+len(endings(t, y, extension)) > 0
	})
	for id, want := range map[string]map[string]any{
		wallet: {
			"level": "DEBUG", "how": "left", "role": "wallet", "connections": 2., "messages_in": 1., "messages_out": 2., "replayed": 1., "undelivered": 0.,
		},
		extension: {
			"level": "INFO", "how": "expired", "role": "extension", "connections": 1., "messages_in": 2., "messages_out": 0., "replayed": 0., "undelivered": 1.,
		},
	} {
		lines := append(endings(t, x, id), endings(t, y, id)...)
		if len(lines) != 1 {
			t.Errorf("%d lines about the %s", len(lines), want["role"])
		}
		for key, v := range want {
			if lines[0][key] != v {
				t.Errorf("%s: %s is %v, want %v", want["role"], key, lines[0][key], v)
			}
		}
	}
}
