package proctest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// binary is one way to build a function, built at its first use.
type binary struct {
	function string
	race     bool
	once     sync.Once
	dir      string
	path     string
	err      error
}

// The functions that can be run.
const (
	signalFunction = "signal"
	iceFunction    = "iceservers"
)

type build struct {
	function string
	race     bool
}

var binaries = map[build]*binary{
	{signalFunction, false}: {function: signalFunction}, {signalFunction, true}: {function: signalFunction, race: true},
	{iceFunction, false}: {function: iceFunction}, {iceFunction, true}: {function: iceFunction, race: true},
}

func (b *binary) build(tb testing.TB) string {
	tb.Helper()
	b.once.Do(func() {
		if b.dir, b.err = os.MkdirTemp("", "rejoin-proctest-"); b.err != nil {
			return
		}
		b.path = filepath.Join(b.dir, b.function)
		args := []string{"build", "-o", b.path}
		if b.race {
			args = append(args, "-race")
		}
		cmd := exec.Command("go", append(args, "github.com/rejoin-dev/rejoin/functions/"+b.function)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.err = fmt.Errorf("build functions/%s: %w\n%s", b.function, err, strings.TrimSpace(string(out)))
		}
	})
	if b.err != nil {
		tb.Fatal(b.err)
	}
	return b.path
}

// Build builds what Start runs, if that has not been done: a test that bounds its time does so after this, for on a busy machine building may
// take minutes.
func Build(tb testing.TB) {
	tb.Helper()
	binaries[build{signalFunction, raceEnabled}].build(tb)
}

// Cleanup removes what was built. Call it when all tests of the process have ended.
func Cleanup() {
	for _, b := range binaries {
		if b.dir != "" {
			_ = os.RemoveAll(b.dir)
		}
	}
}
