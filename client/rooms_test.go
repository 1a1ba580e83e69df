package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
)

func TestRoomsAndRolesInTheURL(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	for _, tc := range []struct {
		room, role, target, source, want string
	}{
		{"lobby", "", "", "", "/rooms/lobby?source=peer&target=peer"},
		{"A.b-c_d~", "camera", "viewer", "", "/rooms/A.b-c_d~?source=camera&target=viewer"},
		{room, "", "", "", "/" + room + "?source=peer&target=peer"},
		{strings.ToUpper(room), "", "", client.Wallet, "/" + strings.ToUpper(room) + "?source=wallet&target=extension"},
		{room[1:], client.Extension, "", client.Extension, "/rooms/" + room[1:] + "?source=extension&target=wallet"},
		{" lobby\n", " camera", "viewer ", "", "/rooms/lobby?source=camera&target=viewer"},
		{"a b/c", "", "", "", "/rooms/a b/c?source=peer&target=peer"}, // decoded; the server refuses it
	} {
		cfg := fast(s)
		cfg.Room, cfg.Role, cfg.Target, cfg.Source = tc.room, tc.role, tc.target, tc.source
		if _, conn := dial(t, s, cfg, func(c *conn) { c.fresh("t1") }); conn.query != tc.want {
			t.Errorf("room %q, role %q: connects to %s, want %s", tc.room, tc.role, conn.query, tc.want)
		}
	}
}

func TestRolesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ role, target, source, want string }{
		{"camera", "", "", "no target given"},
		{"Camera", "viewer", "", `role "Camera"`},
		{"camera", "2nd", "", `target "2nd"`},
		{"", "", "camera", "no target given"},
		{"camera", "viewer", "viewer", "want one of them"},
		{"camera-of-the-front", "viewer", "", "want a letter"},
	} {
		_, err := client.Dial(t.Context(), client.Config{URL: "ws://localhost:1", Room: "lobby", Role: tc.role, Target: tc.target, Source: tc.source})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v", tc, err)
		}
	}
}

// raw is what a peer gets of a message, as the server relays it.
func raw(t *testing.T, from, to *client.Client, m client.Message) client.Data {
	t.Helper()
	m.Target = to.ClientID()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := from.Send(ctx, m); err != nil {
		t.Fatalf("send %+v: %v", m, err)
	}
	return await[client.Data](t, to)
}

// await passes over events of other types.
func await[E client.Event](t *testing.T, c *client.Client) E {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		e, err := c.Next(ctx)
		if err != nil {
			t.Fatalf("next: %v", err)
		}
		if typed, ok := e.(E); ok {
			return typed
		}
	}
}

// enter joins a room of the real server.
func enter(t *testing.T, cfg client.Config) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if cfg.URL == "" {
		cfg.URL = signaling()
	}
	cfg.Backoff = client.Backoff{Min: time.Millisecond, Max: 20 * time.Millisecond}
	c, err := client.Dial(ctx, cfg)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(c.Abort)
	return c
}

func TestPayloadsOfAnyKind(t *testing.T) {
	t.Parallel()
	a, b := enter(t, client.Config{Room: "payloads"}), enter(t, client.Config{Room: "payloads"})
	for value, want := range map[any]string{0: "0", false: "false", "": `""`, "é": `"é"`, [2]int{1, 2}: "[1,2]", struct{ X *int }{}: `{"X":null}`} {
		d := raw(t, a, b, client.Message{Method: "any.kind-of_1", JSON: value, Extra: map[string]any{"note": 1, "ttlMs": "no"}})
		if string(d.JSON) != want || d.Payload != "" || d.Method != "any.kind-of_1" || !strings.Contains(string(d.Raw), `"note":1`) {
			t.Errorf("%v arrives as %+v, raw %s", value, d, d.Raw)
		}
	}
	if d := raw(t, a, b, client.Message{Method: "m", JSON: json.RawMessage("null")}); string(d.JSON) != "null" {
		t.Errorf("null arrives as %q", d.JSON)
	}
	if d := raw(t, a, b, client.Message{Method: "m", EncryptedPayload: "text"}); d.Payload != "text" || d.JSON != nil {
		t.Errorf("a string arrives as %+v", d)
	}
	if err := a.Send(t.Context(), client.Message{Method: "m", Target: b.ClientID(), JSON: math.NaN()}); err == nil {
		t.Error("what JSON cannot say was sent")
	}
	validation := (*client.ValidationError)(nil)
	if err := a.Send(t.Context(), client.Message{Method: "m", Target: b.ClientID(), JSON: 1, TTL: 2 * time.Hour}); !errors.As(err, &validation) {
		t.Errorf("two hours: %v", err)
	}
}

func TestHostsAndViewers(t *testing.T) {
	t.Parallel()
	host := enter(t, client.Config{Room: "roles", Role: "host", Target: "viewer"})
	for range 2 {
		viewer := enter(t, client.Config{Room: "roles", Role: "viewer", Target: "host"})
		peers := next[client.Session](t, viewer).Peers
		if len(peers) != 1 || peers[0] != (client.Peer{ID: host.ClientID(), Role: "host"}) {
			t.Errorf("a viewer sees %+v", peers)
		}
		if e := await[client.PeerConnected](t, host); e.ID != viewer.ClientID() {
			t.Errorf("the host sees %+v", e)
		}
	}
}
