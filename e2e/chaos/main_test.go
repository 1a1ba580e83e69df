package chaos_test

import (
	"os"
	"testing"

	"github.com/Shopify/toxiproxy/v2/toxics"
	"go.uber.org/goleak"

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
	toxics.Register("deaf", new(deafToxic)) // Toxiproxy knows toxics by name only
	// Toxiproxy leaves some goroutines of toxics behind when their connection is closed.
	redistest.Main(cleaned{m},
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/stream.(*ChanWriter).Write"))
}

// long reports whether every fault was asked for (task chaos).
func long() bool { return os.Getenv("REJOIN_CHAOS") != "" }
