package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// TestRedisUserNeedsNoMore: the user that SECURITY.md tells operators to make is enough for all that servers do: two of them meet,
// talk, lose a client and get it back, one is killed, scripts are flushed, and Redis has refused nothing.
func TestRedisUserNeedsNoMore(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{
		"redis":   func(tb testing.TB) string { return redistest.NewServer(tb).URL() },
		"cluster": redistest.Cluster,
		"replica": func(tb testing.TB) string { return "redis://" + redistest.NewReplicated(tb).Primary().Addr() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := limit(t)
			nodes := strings.Split(strings.TrimPrefix(url(t), "redis://"), ",")
			commands := documentedUser(t, name == "cluster", name == "replica")
			for _, node := range nodes {
				for _, c := range commands {
					redisCommand(ctx, t, node, c)
				}
			}
			settings := []string{"REDIS_URL=redis://rejoin:change-me@" + strings.Join(nodes, ","), "GRACE_WINDOW=1s", "INSTANCE_LEASE=1s", "SYNC_INTERVAL=1s", "PEERJS_PATH=/", "PEERJS_DISCOVERY=true"}
			if name == "replica" {
				settings = append(settings, "REDIS_WAIT_REPLICAS=1")
			}
			x, y := proctest.Start(t, settings...), proctest.Start(t, settings...)
			for _, plain := range []bool{true, false} {
				live(ctx, t, x, y, plain)
			}
			peerLife(ctx, t, x, y)
			z := proctest.Start(t, append(settings, guarded(t)...)...)
			revoke := fmt.Sprintf(`{"sub":"eve","until":%d}`, time.Now().Add(time.Hour).Unix())
			if status, body := operate(ctx, t, z, "POST", "/v1/revocations", revoke); status != 204 {
				t.Errorf("revoke: %d %s", status, body)
			}
			if status, body := operate(ctx, t, z, "POST", "/v1/rooms/"+newRoom()+"/messages", `{"role":"wallet","method":"m","payload":1}`); status != 200 {
				t.Errorf("notify: %d %s", status, body)
			}
			for _, node := range nodes {
				redisCommand(ctx, t, node, "SCRIPT FLUSH")
			}
			live(ctx, t, x, y, false)
			room := newRoom()
			e := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension})
			dial(ctx, t, client.Config{URL: y.URL(), Room: room, Source: client.Wallet})
			id := e.meet()
			y.Kill()
			if gone := wait[client.PeerDisconnected](e); gone.ID != id {
				t.Errorf("%s is gone, want %s", gone.ID, id)
			}
			for _, node := range nodes {
				if refused := redisCommand(ctx, t, node, "ACL LOG"); refused != "*0" {
					t.Errorf("%s refused: %q", node, refused)
				}
			}
		})
	}
}

// documentedUser returns the commands that SECURITY.md gives, those for a cluster only for one.
func documentedUser(t *testing.T, cluster, replicas bool) []string {
	t.Helper()
	text, err := os.ReadFile("../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "ACL SETUSER rejoin ") {
			commands = append(commands, strings.TrimSpace(line))
		}
	}
	if len(commands) != 3 {
		t.Fatalf("%d commands in SECURITY.md, want one for any Redis, one for a cluster and one for replicas", len(commands))
	}
	var chosen []string
	for i, yes := range []bool{true, cluster, replicas} {
		if yes {
			chosen = append(chosen, commands[i])
		}
	}
	return chosen
}

// peerLife has two PeerJS clients talk, be listed, wait for one that never comes, drop, and be replaced.
func peerLife(ctx context.Context, t *testing.T, x, y *proctest.Process) {
	t.Helper()
	a, b := becomes(ctx, t, x.Addr(), unique("a"), "ta"), becomes(ctx, t, y.Addr(), unique("b"), "tb")
	nobody := &peerJS{id: unique("nobody")}
	a.tells("OFFER", b, 1)
	a.tells("OFFER", nobody, 1)
	b.hears(heard("OFFER", a, b, 1))
	if res, body := get(ctx, t, "GET", "http://"+x.Addr()+"/peerjs/peers"); res.StatusCode != 200 || !strings.Contains(body, a.id) {
		t.Errorf("list: %s %s", res.Status, body)
	}
	a.hears(fmt.Sprintf(`{"type":"EXPIRE","src":%q,"dst":%q}`, nobody.id, a.id))
	_ = b.CloseNow()
	_ = b.lost()
	a.tells("OFFER", b, 2)
	again(ctx, t, x.Addr(), b.id, "another")
}

// live has two clients meet, talk, drop, come back and leave.
func live(ctx context.Context, t *testing.T, x, y *proctest.Process, plain bool) {
	t.Helper()
	room := newRoom()
	e := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension, Plain: plain})
	w := dial(ctx, t, client.Config{URLs: []string{y.URL(), x.URL()}, Room: room, Source: client.Wallet, Plain: plain, Reconnect: true})
	to := e.meet()
	w.meet()
	for _, payload := range []string{"small", strings.Repeat("large", 10_000)} {
		e.send(to, "offer", payload)
		if got := wait[client.Data](w).Payload; got != payload {
			t.Errorf("got %.10q", got)
		}
	}
	w.Drop()
	for _, payload := range []string{"first", "second"} {
		e.send(to, "offer", payload)
	}
	for wait[client.Data](w).Payload != "second" {
	}
	if err := w.Close(ctx); err != nil {
		t.Error(err)
	}
	wait[client.PeerDisconnected](e)
	if err := e.Close(ctx); err != nil {
		t.Error(err)
	}
}

// redisCommand sends a line to a Redis and returns what it answers, as RESP2.
func redisCommand(ctx context.Context, t *testing.T, addr, line string) string {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, line+"\r\nQUIT\r\n"); err != nil {
		t.Fatal(err)
	}
	reply, err := io.ReadAll(bufio.NewReader(c))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.TrimSuffix(string(reply), "+OK\r\n") // of QUIT
	if strings.HasPrefix(text, "-") {
		t.Fatalf("%s: %s", line, text)
	}
	return strings.TrimSpace(text)
}
