package redistest

import (
	"context"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// The servers that all tests of a process share. Package-level state because that is what a
// test process shares; Main ends it.
var (
	sharedServer  lazy[*instance]
	sharedCluster lazy[*cluster]
)

// Server returns the URL, redis://127.0.0.1:<port>, of the redis-server that all tests of this
// process share. It is not to be flushed, stopped or reconfigured. The first call starts it,
// about 20 ms; calls meanwhile wait. The package's TestMain has to call Main.
func Server(tb testing.TB) string {
	tb.Helper()
	instance, err := sharedServer.get(lookUp(tb), func(ctx context.Context, binary string) (*instance, error) {
		return newInstance(ctx, binary)
	})
	if err != nil {
		tb.Fatal(err)
	}
	return "redis://" + instance.address()
}

// Cluster is Server for a cluster of three primaries without replicas. The URL has the form
// redis://<host>:<port>,<host>:<port>,<host>:<port>. The first call takes 2 to 3 s.
func Cluster(tb testing.TB) string {
	tb.Helper()
	cluster, err := sharedCluster.get(lookUp(tb), newCluster)
	if err != nil {
		tb.Fatal(err)
	}
	return cluster.url()
}

// Main runs the tests of a package, ends the shared servers, looks for leaked goroutines and
// exits the process. It is all that a TestMain has to do.
func Main(m goleak.TestingM, options ...goleak.Option) {
	goleak.VerifyTestMain(ending{m}, options...)
}

// ending ends the shared servers after the last test and before the look for goroutines,
// which would find those that wait for the servers.
type ending struct{ tests goleak.TestingM }

func (e ending) Run() int {
	defer sharedCluster.end()
	defer sharedServer.end()
	return e.tests.Run()
}

// lazy is something that is started once, at its first use, and ended once. An error of the
// start is kept: what did not start is not tried again by every test.
type lazy[T interface{ remove() }] struct {
	mu      sync.Mutex
	started bool
	value   T
	err     error
}

func (l *lazy[T]) get(binary string, start func(context.Context, string) (T, error)) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.started {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		l.value, l.err = start(ctx, binary)
		l.started = true
	}
	return l.value, l.err
}

func (l *lazy[T]) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started && l.err == nil {
		l.value.remove()
	}
}
