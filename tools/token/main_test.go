package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/auth"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// TestTokensAreTaken: what is printed lets in where it is meant to.
func TestTokensAreTaken(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(strings.Repeat("new", 20)+"\n"+strings.Repeat("old", 20)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := auth.New(auth.Config{Scope: auth.All, SecretFile: file, Issuer: "us", Audience: "rejoin", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run([]string{"-secret", file, "-room", "lobby,hall", "-role", "peer", "-sub", "ada", "-jti", "1", "-iss", "us", "-aud", "rejoin"}, &out); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]auth.Refusal{
		"/rooms/lobby": auth.Admitted, "/rooms/hall": auth.Admitted, "/rooms/cellar": auth.OtherRoom, "/rooms/lobby?source=host&target=peer": auth.OtherRole,
	} {
		connect, err := wire.ParseConnect([]byte(target), wire.RejoinV1)
		if err != nil {
			t.Fatal(err)
		}
		id, r := v.Admit(strings.TrimSpace(out.String()), connect, &wire.Offer{}, time.Now())
		if r != want || r == auth.Admitted && (id.User != "ada" || id.TokenID != "1") {
			t.Errorf("%s: %s %+v, want %s", target, r, id, want)
		}
	}
	for _, args := range [][]string{nil, {"-secret", "/does/not/exist"}, {"-secret", file, "-for", "0s"}, {"-secret", file, "rest"}} {
		if err := run(args, &out); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
