package main

import (
	"bytes"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStatus(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		"-h": 0, "more": 2, "-rate x": 2, "-run (": 2, "-out x -run 1": 2, "-a ws://127.0.0.1:1 -run ^1\\.1\\.1$": 1,
	} {
		var stdout, stderr bytes.Buffer
		if got := run(t.Context(), strings.Fields(line), &stdout, &stderr); got != want || stdout.Len()+stderr.Len() == 0 {
			t.Errorf("%q: status %d, want %d: %s", line, got, want, &stderr)
		}
	}
}
