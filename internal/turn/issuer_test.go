package turn_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/turn"
)

// TestCredentialIsThatOfCoturn compares with what another implementation makes of it:
// printf '1700000000:client-1' | openssl dgst -sha1 -hmac 'a secret of ours, long' -binary | base64.
func TestCredentialIsThatOfCoturn(t *testing.T) {
	t.Parallel()
	i, err := turn.New(turn.Config{
		TURN: []string{"turn:h:3478?transport=udp", "turns:h"}, STUN: []string{"stun:h"}, Secret: "a secret of ours, long", TTL: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	servers := i.Servers("client-1", time.Unix(1700000000-3600, 999))
	if len(servers) != 2 || i.TTL() != time.Hour {
		t.Fatalf("servers %+v, TTL %v", servers, i.TTL())
	}
	if s := servers[0]; !slices.Equal(s.URLs, []string{"stun:h"}) || s.Username+s.Credential != "" {
		t.Errorf("STUN: %+v", s)
	}
	s := servers[1]
	if !slices.Equal(s.URLs, []string{"turn:h:3478?transport=udp", "turns:h"}) || s.Username != "1700000000:client-1" || s.Credential != "CZO+0ZK4B6VpdOVkPx+PtYNo+vs=" {
		t.Errorf("TURN: %+v", s)
	}
}

func TestStunAloneNeedsNoSecret(t *testing.T) {
	t.Parallel()
	i, err := turn.New(turn.Config{STUN: []string{"stun:h"}, TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if servers := i.Servers("x", time.Now()); len(servers) != 1 || servers[0].Username != "" {
		t.Errorf("servers %+v", servers)
	}
}

func TestAllThatIsWrongIsSaidButNotTheSecret(t *testing.T) {
	t.Parallel()
	_, err := turn.New(turn.Config{TURN: []string{"stun:h", "turn:"}, STUN: []string{"turn:h"}, Secret: "too short"})
	if err == nil {
		t.Fatal("taken")
	}
	if n := strings.Count(err.Error(), "want"); n != 5 || strings.Contains(err.Error(), "too short") {
		t.Errorf("%d complaints, want 5, none with the secret: %v", n, err)
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"turn:host": true, "turn:host:3478": true, "turns:host:443?transport=tcp": true, "turn:192.0.2.1:3478?transport=udp": true,
		"turn:[2001:db8::1]:3478": true, "turn:[2001:db8::1]": true,
		"": false, "host": false, "turn:": false, "turn:host:": false, "turn:host:0": false, "turn:host:70000": false, "turn:host:x": false,
		"turn://host": false, "turn:host/path": false, "turn:user@host": false, "turn:2001:db8::1": false, "turn:[host]:1": false,
		"turn:host?transport=sctp": false, "turn:host?x=y": false, "turn:host#f": false, "stun:host": false, "http:host": false, "turn:a b": false,
	} {
		if err := turn.CheckURL(text, "turn", "turns"); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
	if turn.CheckURL("stun:host:3478", "stun", "stuns") != nil || turn.CheckURL("stun:host?transport=udp", "stun", "stuns") == nil {
		t.Error("STUN has no transport")
	}
}
