package main

import (
	"io"
	"strings"
	"testing"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"-url=http://localhost:4000": "want ws://", "-url=ws://localhost:99999": "1 to 65535", "-url=ws://${HOST}": "not expanded", "-url=": "want ws://", "more": "unexpected argument",
	} {
		if err := run(t.Context(), []string{args}, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}
