package edge_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/auth"
	"github.com/rejoin-dev/rejoin/internal/edge"
	"github.com/rejoin-dev/rejoin/internal/jwttest"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

const authSecret = "a secret of more than thirty-two bytes"

func token(claims string) string { return jwttest.Sign("HS256", json.RawMessage(claims), authSecret) }

func guarded(t *testing.T, scope auth.Scope) func(*edge.Config) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(authSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := auth.New(auth.Config{Scope: scope, SecretFile: file, Grace: time.Minute, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return func(cfg *edge.Config) { cfg.Auth = v }
}

// TestTokens: a client without a valid token is refused before the upgrade, and the hub is not told.
func TestTokens(t *testing.T) {
	t.Parallel()
	exp := strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10)
	good := token(`{"exp":` + exp + `,"room":"*","sub":"ada"}`)
	long := good
	for pad := 5900; len(long) < auth.MaxTokenBytes-8; pad++ {
		long = token(`{"exp":` + exp + `,"room":"*","sub":"ada","pad":"` + strings.Repeat("x", pad) + `"}`)
	}
	const ours, invalid = "Sec-WebSocket-Protocol: rejoin.v1", `Bearer error="invalid_token"`
	for name, c := range map[string]struct {
		scope     auth.Scope
		headers   []string
		want      int
		challenge string
	}{
		"as a subprotocol":           {auth.All, []string{ours + ", rejoin.auth." + good}, 101, ""},
		"as a header":                {auth.All, []string{ours, "Authorization: Bearer " + good}, 101, ""},
		"as a header, in other case": {auth.All, []string{ours, "authorization: bearer   " + good}, 101, ""},
		"plain, of 8 KiB":            {auth.All, []string{"Authorization: Bearer " + long}, 101, ""},
		"both, of which ours counts": {auth.All, []string{ours + ", rejoin.auth." + good, "Authorization: Bearer of-a-proxy"}, 101, ""},
		"a plain one needs none":     {auth.RejoinV1, nil, 101, ""},
		"none":                       {auth.RejoinV1, []string{ours}, 401, "Bearer"},
		"plain needs one":            {auth.All, nil, 401, "Bearer"},
		"another scheme":             {auth.All, []string{ours, "Authorization: Basic " + good}, 401, "Bearer"},
		"expired":                    {auth.All, []string{ours + ", rejoin.auth." + token(`{"exp":1,"room":"*"}`)}, 401, invalid},
		"forged":                     {auth.All, []string{ours + ", rejoin.auth." + good[:len(good)-8] + "AAAAAAAA"}, 401, invalid},
		"too long":                   {auth.All, []string{ours, "Authorization: Bearer " + long + "12345678"}, 401, invalid},
		"another room":               {auth.All, []string{ours + ", rejoin.auth." + token(`{"exp":`+exp+`,"room":"lobby"}`)}, 403, `Bearer error="insufficient_scope"`},
		"another role":               {auth.All, []string{ours + ", rejoin.auth." + token(`{"exp":`+exp+`,"room":"*","role":"extension"}`)}, 403, `Bearer error="insufficient_scope"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, newHub(), guarded(t, c.scope))
			client := r.dial(t)
			client.send(request(connect, c.headers...))
			status, header, body := client.response()
			if status != c.want || header["WWW-Authenticate"] != c.challenge {
				t.Errorf("%d %v %q, want %d with %q", status, header, body, c.want, c.challenge)
			}
			if strings.Contains(header["Sec-WebSocket-Protocol"], "rejoin.auth") {
				t.Errorf("the token is echoed: %v", header)
			}
			if status != 101 {
				if n := r.hub.count(); n != 0 {
					t.Errorf("the hub heard of it")
				}
				return
			}
			offer := r.hub.session(t).offer
			if needs := c.headers != nil; needs != (offer.Identity != nil) || needs && offer.Identity.User != "ada" || offer.Auth != "" {
				t.Errorf("opened with %+v", offer)
			}
		})
	}
}

// TestBadParametersNeedNoToken: bad parameters get a close frame as usual, which reveals nothing.
func TestBadParametersNeedNoToken(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), guarded(t, auth.All))
	c := r.dial(t)
	c.send(request("/nothing"))
	if status, _, _ := c.response(); status != 101 {
		t.Fatal(status)
	}
	c.expectClose(wire.CloseUnsupported, wire.ReasonMissingConnectionID)
}
