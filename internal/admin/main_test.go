package admin_test

import (
	"testing"

	"github.com/rejoin-dev/rejoin/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }
