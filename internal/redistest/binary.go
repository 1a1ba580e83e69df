package redistest

import (
	"os"
	"os/exec"
	"testing"
)

// lookUp finds the program to run. Without one it ends the test: as skipped where
// REJOIN_SKIP_REDIS=1 asks for that, else as failed.
func lookUp(tb testing.TB) string {
	tb.Helper()
	name := os.Getenv("REJOIN_REDIS_SERVER")
	if name == "" {
		name = "redis-server"
	}
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("REJOIN_SKIP_REDIS") == "1" {
		tb.Skipf("no %s here, and REJOIN_SKIP_REDIS=1", name)
	}
	tb.Fatalf("%v: install redis-server 7.0 or newer (Debian, Ubuntu: apt-get install redis-server; "+
		"macOS: brew install redis), or set REJOIN_SKIP_REDIS=1 to skip what needs it", err)
	return ""
}
