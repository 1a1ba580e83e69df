package client_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
)

const (
	secret     = "a secret of the service, which only tests know"
	adminToken = "a secret of the operator, which only tests know"
)

// guarded is a real server that asks everyone for a token.
func guarded(t *testing.T) address {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"secret": secret, "admin": adminToken} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at, end := startServer("AUTH=all", "AUTH_SECRET_FILE="+filepath.Join(dir, "secret"), "ADMIN_TOKEN_FILE="+filepath.Join(dir, "admin"))
	t.Cleanup(end)
	return at
}

// jwt is a token (RFC 7519) that is good for so long.
func jwt(key string, lifetime time.Duration, claims map[string]any) string {
	all := map[string]any{"room": "lobby", "exp": time.Now().Add(lifetime).Unix()}
	maps.Copy(all, claims)
	body, _ := json.Marshal(all) // of numbers and strings: it cannot fail
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// from gives these tokens, the last one again and again, and counts.
func from(asked *atomic.Int32, tokens ...string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		return tokens[min(int(asked.Add(1)), len(tokens))-1], nil
	}
}

func TestPeersAreToldWhoAClientIs(t *testing.T) {
	t.Parallel()
	at := guarded(t)
	var asked atomic.Int32
	user := func(name string) client.Config {
		return client.Config{URL: at.websocket, Room: "lobby", Auth: from(&asked, jwt(secret, time.Hour, map[string]any{"sub": name}))}
	}
	ada, bob := enter(t, user("ada")), enter(t, user("bob"))
	if e := await[client.PeerConnected](t, ada); e.User != "bob" {
		t.Errorf("ada is told of %+v", e)
	}
	want := client.Peer{ID: ada.ClientID(), Role: "peer", User: "ada"}
	if peers := next[client.Session](t, bob).Peers; len(peers) != 1 || peers[0] != want {
		t.Errorf("bob is told of %+v, want %+v", peers, want)
	}
	bob.Drop()
	await[client.PeerResumed](t, ada)
	if n := asked.Load(); n != 2 {
		t.Errorf("asked for %d tokens, want one for each client", n)
	}
}

func TestATokenThatIsRefusedIsAskedForAgainOnce(t *testing.T) {
	t.Parallel()
	at := guarded(t)
	bad, good := jwt("another secret, which the server does not know", time.Hour, nil), jwt(secret, time.Hour, nil)
	var asked atomic.Int32
	enter(t, client.Config{URL: at.websocket, Room: "lobby", Auth: from(&asked, bad, good)})
	if n := asked.Load(); n != 2 {
		t.Errorf("asked %d times, want 2", n)
	}
	for name, tc := range map[string]struct {
		auth   func(context.Context) (string, error)
		status int
	}{
		"bad for good": {from(new(atomic.Int32), bad), http.StatusUnauthorized},
		"another room": {from(new(atomic.Int32), jwt(secret, time.Hour, map[string]any{"room": "attic"})), http.StatusForbidden},
		"none":         {nil, http.StatusUnauthorized},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_, err := client.Dial(ctx, client.Config{URL: at.websocket, Room: "lobby", Auth: tc.auth})
		cancel()
		var refused *client.RefusedError
		if !errors.Is(err, client.ErrUnauthorized) || !errors.As(err, &refused) || refused.Status != tc.status {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnApplicationWithoutATokenIsAskedAgain(t *testing.T) {
	t.Parallel()
	at := guarded(t)
	var asked atomic.Int32
	enter(t, client.Config{URL: at.websocket, Room: "lobby", ConnectTimeout: 100 * time.Millisecond, Auth: func(ctx context.Context) (string, error) {
		switch asked.Add(1) {
		case 1:
			return "", errors.New("offline")
		case 2:
			<-ctx.Done()
			return "", ctx.Err()
		case 3:
			return "a token\r\nwith a header", nil
		}
		return jwt(secret, time.Hour, nil), nil
	}})
	if n := asked.Load(); n != 4 {
		t.Errorf("asked %d times, want 4", n)
	}
}

func TestAFreshTokenBeforeTheOldOneEnds(t *testing.T) {
	t.Parallel()
	at := guarded(t)
	var asked atomic.Int32
	c := enter(t, client.Config{URL: at.websocket, Room: "lobby", Auth: from(&asked, jwt(secret, 3*time.Second, nil), jwt(secret, time.Hour, nil))})
	id := next[client.Session](t, c).ClientID
	if e := next[client.GoAway](t, c); e.Reason != "auth" {
		t.Errorf("asked to go for %q", e.Reason)
	}
	if s := next[client.Session](t, c); !s.Resumed || s.ClientID != id {
		t.Errorf("moved to %+v", s)
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("asked %d times, want 2", n)
	}
}

func TestATokenThatEndedIsReplaced(t *testing.T) {
	t.Parallel()
	at := guarded(t)
	var asked atomic.Int32
	c := enter(t, client.Config{URL: at.websocket, Room: "lobby", Auth: func(context.Context) (string, error) {
		switch asked.Add(1) {
		case 1:
			return jwt(secret, 2*time.Second, nil), nil
		case 2:
			return "", errors.New("offline, just when it is asked to move")
		}
		return jwt(secret, time.Hour, nil), nil
	}})
	id := next[client.Session](t, c).ClientID
	if e := await[client.Disconnected](t, c); !errors.Is(e.Err, client.ErrUnauthorized) {
		t.Errorf("lost by %v", e.Err)
	}
	if s := next[client.Session](t, c); !s.Resumed || s.ClientID != id {
		t.Errorf("came back to %+v", s)
	}
}

// call makes one of the operator's calls.
func call(t *testing.T, at address, method, path, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, at.private+"/v1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+adminToken)
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusMultipleChoices {
		t.Fatalf("%s %s: %s", method, path, resp.Status)
	}
}

func TestTheOperatorSpeaksAndRemoves(t *testing.T) {
	t.Parallel()
	at := guarded(t)
	c := enter(t, client.Config{URL: at.websocket, Room: "lobby", Auth: from(new(atomic.Int32), jwt(secret, time.Hour, nil))})
	call(t, at, http.MethodPost, "/rooms/lobby/messages", `{"to":"`+c.ClientID()+`","method":"notice","payload":{"text":"soon"}}`)
	if d := await[client.Data](t, c); d.From != client.Operator || string(d.JSON) != `{"text":"soon"}` {
		t.Errorf("the operator's message is %+v", d)
	}
	call(t, at, http.MethodDelete, "/rooms/lobby/clients/"+c.ClientID(), "")
	if err := end(t, c); !errors.Is(err, client.ErrRemoved) {
		t.Errorf("ended by %v", err)
	}
}
