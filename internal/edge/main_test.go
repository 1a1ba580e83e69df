package edge_test

import (
	"testing"

	"go.uber.org/goleak"
)

// gnet's worker pool, which the edge does not use, has goroutines from the start of the process on.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }
