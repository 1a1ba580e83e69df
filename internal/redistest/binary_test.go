package redistest_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// outcome is how a test of run ended.
type outcome struct {
	testing.TB
	failed, skipped bool
	text            string
}

func (o *outcome) Helper()        {}
func (o *outcome) Cleanup(func()) {}

func (o *outcome) Fatal(args ...any)                 { o.end(&o.failed, fmt.Sprint(args...)) }
func (o *outcome) Fatalf(format string, args ...any) { o.end(&o.failed, fmt.Sprintf(format, args...)) }

func (o *outcome) Skipf(format string, args ...any) { o.end(&o.skipped, fmt.Sprintf(format, args...)) }

func (o *outcome) end(how *bool, text string) {
	*how, o.text = true, text
	runtime.Goexit()
}

// run calls test as the testing package would, and tells how it ended.
func run(test func(testing.TB)) *outcome {
	o := &outcome{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(o)
	}()
	<-done
	return o
}

// Not parallel: they change the environment.

func TestMissingServerFailsAndSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("REJOIN_REDIS_SERVER", "")
	t.Setenv("REJOIN_SKIP_REDIS", "")
	for name, start := range starts {
		if end := run(start); !end.failed || !strings.Contains(end.text, "apt-get install redis-server") {
			t.Errorf("%s ended with %+v", name, end)
		}
	}
}

func TestMissingServerSkipsWhenAsked(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("REJOIN_REDIS_SERVER", "")
	t.Setenv("REJOIN_SKIP_REDIS", "1")
	for name, start := range starts {
		if end := run(start); end.failed || !end.skipped {
			t.Errorf("%s ended with %+v", name, end)
		}
	}
}

func TestNamedServerIsTheOneThatIsLookedFor(t *testing.T) {
	t.Setenv("REJOIN_REDIS_SERVER", "no-such-server")
	t.Setenv("REJOIN_SKIP_REDIS", "")
	for name, start := range starts {
		if end := run(start); !end.failed || !strings.Contains(end.text, "no-such-server") {
			t.Errorf("%s ended with %+v", name, end)
		}
	}
}

var starts = map[string]func(testing.TB){
	"Server":    func(tb testing.TB) { redistest.Server(tb) },
	"Cluster":   func(tb testing.TB) { redistest.Cluster(tb) },
	"NewServer": func(tb testing.TB) { redistest.NewServer(tb) },
}
