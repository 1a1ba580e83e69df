package chaos_test

import (
	"os"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// cleaned removes the server binaries before goleak looks.
type cleaned struct{ *testing.M }

func (m cleaned) Run() int {
	code := m.M.Run()
	proctest.Cleanup()
	return code
}

func TestMain(m *testing.M) {
	redistest.Main(cleaned{m})
}

// long reports whether every fault was asked for (task chaos).
func long() bool { return os.Getenv("REJOIN_CHAOS") != "" }
