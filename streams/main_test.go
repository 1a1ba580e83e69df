package streams_test

import (
	"flag"
	"os"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/redistest"
)

func TestMain(m *testing.M) {
	checks := "20"
	if os.Getenv("REJOIN_SOAK") == "1" {
		checks = "500"
	}
	for name, value := range map[string]string{"rapid.checks": checks, "rapid.steps": "60"} {
		if err := flag.Set(name, value); err != nil { // the command line has the last word
			panic(err)
		}
	}
	redistest.Main(m)
}
