package auth_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/auth"
)

func TestSecretsAreReadAgain(t *testing.T) {
	t.Parallel()
	path := write(t, filepath.Join(t.TempDir(), "token"), secret+"\n")
	s, err := auth.NewSecrets("ADMIN_TOKEN_FILE", path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); s.Run(t.Context()) }()
	t.Cleanup(func() { <-done })
	for text, want := range map[string]bool{secret: true, secret[1:]: false, "": false, secret + "\n": false} {
		if s.Has(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
	write(t, path, "next "+secret+"\n"+secret)
	until(t, "the next one is good", func() bool { return s.Has("next " + secret) })
	if !s.Has(secret) {
		t.Error("the old one is not good any more, though it is there")
	}
	write(t, path, "next "+secret)
	until(t, "the old one is not good any more", func() bool { return !s.Has(secret) })
	write(t, path, "short")
	if !s.Has("next " + secret) {
		t.Error("a file that cannot be read took the secret away")
	}
}

func TestSecretsHaveToBeLong(t *testing.T) {
	t.Parallel()
	path := write(t, filepath.Join(t.TempDir(), "token"), "change-me")
	if _, err := auth.NewSecrets("ADMIN_TOKEN_FILE", path, nil); err == nil || !strings.Contains(err.Error(), "ADMIN_TOKEN_FILE: key 1 has 9 bytes") {
		t.Error(err)
	}
}
