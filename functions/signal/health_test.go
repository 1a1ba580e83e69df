package main

import (
	"io"
	"testing"
)

// TestHealth: the binary asks the one that runs, on the private port, and needs no Redis for a good answer.
func TestHealth(t *testing.T) {
	t.Parallel()
	out, stop := start(t, "REDIS_URL=redis://127.0.0.1:1")
	port := out.await(t, `http://localhost:(\d+)`)
	ask := func() error {
		return runWith(t.Context(), []string{"-health"}, []string{"HOST=127.0.0.1", "HTTP_PORT=" + port}, io.Discard)
	}
	if err := ask(); err != nil {
		t.Error(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if ask() == nil {
		t.Error("healthy, though it was stopped")
	}
}
