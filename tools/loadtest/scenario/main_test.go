//go:build linux

package scenario_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/rejoin-dev/rejoin/tools/loadtest/scenario"
)

// TestMain runs the tests, or as the worker that a test has started what a worker does.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "worker" {
		if err := scenario.Worker(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(cleaning{m})
}

// cleaning removes the built server behind the last test.
type cleaning struct{ tests goleak.TestingM }

func (c cleaning) Run() int {
	defer server.remove()
	return c.tests.Run()
}
