package client_test

import (
	"log"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/rejoin-dev/rejoin/internal/proctest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(withServer{m}) }

// withServer ends the server of the examples, if one of them has run, before goleak looks.
type withServer struct{ *testing.M }

func (m withServer) Run() int {
	code := m.M.Run()
	examples.end()
	proctest.Cleanup()
	return code
}

// signaling is the address of a real server, which runs until all tests have ended.
var signaling = sync.OnceValue(func() string { return proctest.StartPlain(&examples).URL() })

var examples exampleTB

// exampleTB is what proctest needs of a test: an example has none.
type exampleTB struct {
	testing.TB
	cleanups []func()
}

func (e *exampleTB) Helper()                           {}
func (e *exampleTB) Failed() bool                      { return false }
func (e *exampleTB) Fatal(args ...any)                 { log.Fatal(args...) }
func (e *exampleTB) Fatalf(format string, args ...any) { log.Fatalf(format, args...) }
func (e *exampleTB) Cleanup(f func())                  { e.cleanups = append(e.cleanups, f) }

func (e *exampleTB) end() {
	for _, f := range e.cleanups {
		f()
	}
}
