package signaling_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// newHub returns a hub that runs until the test ends.
func newHub(tb testing.TB, b signaling.Backbone, change ...func(*signaling.Config)) *signaling.Hub {
	cfg := testConfig()
	for _, f := range change {
		f(&cfg)
	}
	hub := signaling.NewHub(cfg, b)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { hub.Run(ctx) })
	tb.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return hub
}

// bubble runs a parallel test in its own simulated time, with a hub on a scripted backbone.
func bubble(t *testing.T, test func(t *testing.T, hub *signaling.Hub, b *scripted), change ...func(*signaling.Config)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newScripted(t)
		test(t, newHub(t, b, change...), b)
	})
}

// pass advances time by that much and lets everything settle.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func seq(n uint64) streams.EntryID { return streams.EntryID{Epoch: testEpoch, Seq: n} }

const (
	offer     = wire.KindOffer
	answerTo  = wire.KindAnswer
	candidate = wire.KindCandidate
)

// bubbleWithout is bubble with a hub that the test stops itself.
func bubbleWithout(t *testing.T, test func(t *testing.T, hub *signaling.Hub, b *scripted, stop func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newScripted(t)
		hub := signaling.NewHub(testConfig(), b)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			hub.Run(ctx)
			close(done)
		}()
		test(t, hub, b, func() {
			cancel()
			<-done
		})
	})
}
