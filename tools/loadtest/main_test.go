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
	for line, want := range map[string]int{"": 0, "-h": 0, "idle -h": 0, "dance": 2, "report": 2, "report a b": 2, "relay -rate x": 2, "relay -a http://x": 2, "relay -a ws://x:0": 2, "relay -a ws://x -pids a": 2, "worker": 2} {
		var stdout, stderr bytes.Buffer
		if got := run(t.Context(), strings.Fields(line), strings.NewReader(""), &stdout, &stderr); got != want || stderr.Len() == 0 {
			t.Errorf("%q: status %d, want %d: %s", line, got, want, &stderr)
		}
	}
	if got := run(t.Context(), []string{"report", t.TempDir()}, nil, &bytes.Buffer{}, &bytes.Buffer{}); got != 2 {
		t.Errorf("report of nothing: status %d", got)
	}
}
