package main

import (
	"io"
	"strings"
	"testing"
)

// TestHealth: with the settings of the one that runs, and the port that it runs on.
func TestHealth(t *testing.T) {
	t.Parallel()
	_, port, _ := strings.Cut(strings.TrimPrefix(start(t, turnURL, secret), "http://"), ":")
	ask := func(port string) error {
		return runWith(t.Context(), []string{"-health"}, []string{turnURL, secret, "HOST=127.0.0.1", "PORT=" + port}, io.Discard)
	}
	if err := ask(port); err != nil {
		t.Error(err)
	}
	if ask("0") == nil {
		t.Error("healthy on no port")
	}
}
