package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/pion/turn/v5"

	"github.com/rejoin-dev/rejoin/internal/turntest"
)

// TestCoturnTakesWhatIsAnswered: the secret comes from a file, as it does in a container.
func TestCoturnTakesWhatIsAnswered(t *testing.T) {
	t.Parallel()
	coturn := turntest.Start(t)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(coturn.Secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := start(t, "TURN_URLS="+coturn.URLs()[0]+", "+coturn.URLs()[1], "STUN_URLS=stun:"+coturn.Addr, "TURN_SECRET_FILE="+file, "TURN_TTL=10m")
	got := ask(t, "GET", url+"/ice-servers?connectionId=x").servers(t)
	if len(got.ICEServers) != 2 || got.TTLSeconds != 600 || len(got.ICEServers[1].URLs) != 2 {
		t.Fatalf("got %+v", got)
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := got.ICEServers[1]
	client, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: coturn.Addr, Username: c.Username, Password: c.Credential, Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	relay, err := client.AllocateWithContext(ctx)
	if err != nil {
		t.Fatalf("allocate: %v", err)
	}
	_ = relay.Close()
}

func TestEachAnswerHasCredentialsOfItsOwn(t *testing.T) {
	t.Parallel()
	url := start(t, turnURL, secret) + "/ice-servers"
	first := ask(t, "GET", url)
	a, b := first.servers(t).ICEServers[0], ask(t, "GET", url).servers(t).ICEServers[0]
	if a.Username == b.Username || a.Credential == b.Credential {
		t.Errorf("twice the same: %+v", a)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Content-Type": "application/json", "Vary": "Origin", "Access-Control-Allow-Origin": ""} {
		if got := first.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestOriginsAreThoseOfTheEdge(t *testing.T) {
	t.Parallel()
	url := start(t, turnURL, secret, "ALLOWED_ORIGINS=https://app.example.com,https://b.example.com") + "/ice-servers"
	for origin, want := range map[string]int{
		"https://app.example.com": 200, "HTTPS://APP.example.com": 200, "https://b.example.com": 200,
		"https://app.example.com.evil.com": 403, "http://app.example.com": 403, "null": 403, "": 403,
	} {
		for method, good := range map[string]int{"GET": 200, "OPTIONS": 204} {
			status := map[int]int{200: good, 403: 403}[want]
			got := ask(t, method, url, "Origin: "+origin)
			cors := got.header.Get("Access-Control-Allow-Origin")
			if got.status != status || want == 200 && cors != origin || want == 403 && cors != "" {
				t.Errorf("%s with origin %q: %d, allowed %q", method, origin, got.status, cors)
			}
		}
	}
	if got := ask(t, "GET", url); got.status != http.StatusOK {
		t.Errorf("without an origin: %d", got.status)
	}
	if got := ask(t, "GET", url, "Origin: https://app.example.com", "Origin: https://b.example.com"); got.status != http.StatusForbidden {
		t.Errorf("with two origins: %d", got.status)
	}
}

func TestAllOriginsByDefault(t *testing.T) {
	t.Parallel()
	got := ask(t, "GET", start(t, turnURL, secret)+"/ice-servers", "Origin: https://anywhere.example")
	if got.status != http.StatusOK || got.header.Get("Access-Control-Allow-Origin") != "https://anywhere.example" {
		t.Errorf("%+v", got)
	}
}

func TestTooManyRequestsOfOneAddress(t *testing.T) {
	t.Parallel()
	url := start(t, turnURL, secret, "RATE_LIMIT_MESSAGES=3", "RATE_LIMIT_MS=60000", "TRUSTED_PROXIES=127.0.0.1") + "/ice-servers"
	from := func(address string) answer { return ask(t, "GET", url, "X-Forwarded-For: 9.9.9.9, "+address) }
	for range 3 {
		from("8.8.8.8").servers(t)
	}
	for _, origin := range []string{"", "https://page.example"} {
		got := ask(t, "GET", url, "X-Forwarded-For: 8.8.8.8", "Origin: "+origin)
		after, err := strconv.Atoi(got.header.Get("Retry-After"))
		if got.status != http.StatusTooManyRequests || err != nil || after < 1 || after > 60 {
			t.Errorf("the fourth: %d, Retry-After %d", got.status, after)
		}
		if got.header.Get("Access-Control-Allow-Origin") != origin {
			t.Error("a page cannot read why it is refused")
		}
	}
	from("8.8.4.4").servers(t)
	if got := ask(t, "GET", url[:len(url)-len(path)]+"/health", "X-Forwarded-For: 8.8.8.8"); got.status != http.StatusOK || got.body != "ok\n" {
		t.Errorf("health: %+v", got)
	}
}

func TestOtherRequests(t *testing.T) {
	t.Parallel()
	url := start(t, turnURL, secret)
	for request, want := range map[string]int{"POST /ice-servers": 405, "GET /": 404, "GET /ice-servers/x": 404, "HEAD /ice-servers": 200, "GET /health": 200} {
		method, target, _ := strings.Cut(request, " ")
		if got := ask(t, method, url+target); got.status != want {
			t.Errorf("%s: %d, want %d", request, got.status, want)
		}
	}
}
