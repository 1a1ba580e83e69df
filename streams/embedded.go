package streams

import (
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

const (
	embeddedBatch   = 32
	embeddedTimeout = 30 * time.Second
)

// embedded is the in-process Redis that serves a Backbone without a URL: the same scripts on
// alicebob/miniredis, listening on a loopback port of its own.
type embedded struct {
	server *miniredis.Miniredis
	stop   chan struct{}
	wg     sync.WaitGroup
}

func startEmbedded() (*embedded, error) {
	e := &embedded{server: miniredis.NewMiniRedis(), stop: make(chan struct{})}
	if err := e.server.Start(); err != nil {
		return nil, fmt.Errorf("start embedded redis: %w", err)
	}
	e.wg.Go(e.expire)
	return e, nil
}

// expire ages keys: miniredis does not do so by itself, and its ClockTTL sorts all keys at every command.
func (e *embedded) expire() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			e.server.FastForward(time.Second)
		case <-e.stop:
			return
		}
	}
}

func (e *embedded) close() {
	close(e.stop)
	e.wg.Wait()
	e.server.Close()
}
