package suite_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/rejoin-dev/rejoin/internal/proctest"
)

// cleaned removes the server binaries before goleak looks.
type cleaned struct{ *testing.M }

func (m cleaned) Run() int {
	code := m.M.Run()
	proctest.Cleanup()
	return code
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(cleaned{m}) }
