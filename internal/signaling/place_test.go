package signaling_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// place is an instance on a real backbone. It stands between backbone and hub and can lose doorbells.
type place struct {
	*signaling.Hub
	backbone *streams.Backbone
	stop     func() // ends it as a shutdown does, but nothing is drained; safe to call twice

	subscribed chan struct{}
	once       sync.Once

	mu   sync.Mutex
	lose func(*streams.Bell) bool // guarded by mu
}

// Bell implements streams.Handler.
func (p *place) Bell(b *streams.Bell) {
	p.mu.Lock()
	lose := p.lose
	p.mu.Unlock()
	if lose == nil || !lose(b) {
		p.Hub.Bell(b)
	}
}

// Reconcile implements streams.Handler. The first one finds no sessions yet; passed on, it would be busy with those
// of the test for a while.
func (p *place) Reconcile() {
	first := false
	p.once.Do(func() {
		first = true
		close(p.subscribed)
	})
	if !first {
		p.Hub.Reconcile()
	}
}

// losing loses the doorbells that f chooses; nil: none.
func (p *place) losing(f func(*streams.Bell) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lose = f
}

// newPlace starts an instance; it is ready when it returns.
func newPlace(tb testing.TB, opt streams.Options, change ...func(*signaling.Config)) *place {
	tb.Helper()
	b, err := streams.Open(opt)
	if err != nil {
		tb.Fatal(err)
	}
	cfg := testConfig()
	for _, f := range change {
		f(&cfg)
	}
	p := &place{Hub: signaling.NewHub(cfg, b), backbone: b, subscribed: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { p.Run(ctx) })
	b.Start(p)
	p.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		last, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := b.Close(last); err != nil {
			tb.Errorf("close backbone: %v", err)
		}
	})
	tb.Cleanup(p.stop)
	select {
	case <-p.subscribed:
	case <-time.After(patience):
		tb.Fatal("the backbone is not ready")
	}
	return p
}

// settled waits until Redis has carried out what this instance began in a room: calls of a room keep their order.
func (p *place) settled(room wire.RoomID) {
	done := make(chan struct{})
	p.backbone.Claims(room.String(), func([]streams.SessionRef, error) { close(done) })
	<-done
}

// everywhere runs a test on two instances that share a redis-server, and on one with the embedded Redis, which is
// then both of them.
func everywhere(t *testing.T, opt streams.Options, test func(t *testing.T, x, y *place)) {
	t.Helper()
	t.Parallel()
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		opt := opt
		opt.URL = redistest.Server(t)
		test(t, newPlace(t, opt), newPlace(t, opt))
	})
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, opt)
		test(t, p, p)
	})
}

func sharedRedis(tb testing.TB) string { return redistest.Server(tb) }
