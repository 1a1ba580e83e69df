package streams

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// watchGeneration compares the primaries' run IDs with those seen before. A new primary may lack the latest writes (replication is
// asynchronous), or everything, so the epochs must change. A primary that does not answer does not hold up the check of the others.
func (b *Backbone) watchGeneration(ctx context.Context, client redis.UniversalClient) {
	if b.local != nil {
		return
	}
	// Not the period of the leases: running both at the same moment would need one more connection.
	tick := time.NewTicker(b.opt.Lease*3/10 + 7*time.Millisecond)
	defer tick.Stop()
	known := map[string]bool{} // the primaries as last seen; one that does not answer is kept
	for {
		waiting := b.looks.take()
		ids, complete := runIDs(ctx, client)
		fresh := len(known) > 0 && slices.ContainsFunc(ids, func(id string) bool { return !known[id] })
		if complete {
			clear(known)
		}
		for _, id := range ids {
			known[id] = true
		}
		if fresh {
			b.log.Warn("redis primary changed; attaching all sessions again")
			b.handler.Regenerate()
			b.revocations.nudge()
		}
		b.looks.looked(waiting, complete)
		select {
		case <-tick.C:
		case <-b.looks.wake:
		case <-ctx.Done():
			return
		}
	}
}

// CheckPrimaries checks the primaries now instead of at the next tick, then calls done, after Handler.Regenerate if one of them is new.
// This tells whether an earlier answer came from a primary not known yet. If one does not answer for some seconds, done is called anyway.
// After Close it may not be called.
func (b *Backbone) CheckPrimaries(done func()) {
	if b.local != nil { // the embedded one is never replaced
		b.wg.Go(done)
		return
	}
	b.looks.add(done)
}

// looks are the callbacks waiting for a check of the primaries.
type looks struct {
	wake    chan struct{}
	mu      sync.Mutex
	pending []look
}

type look struct {
	done  func()
	until time.Time // an incomplete look is enough then
}

func (l *looks) init() { l.wake = make(chan struct{}, 1) }

func (l *looks) add(done func()) {
	l.mu.Lock()
	l.pending = append(l.pending, look{done, time.Now().Add(lookPatience)})
	l.mu.Unlock()
	l.nudge()
}

func (l *looks) nudge() {
	select {
	case l.wake <- struct{}{}:
	default: // a look is due already
	}
}

// take returns the waiting callbacks: later ones wait for another check.
func (l *looks) take() []look {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.pending
	l.pending = nil
	return list
}

const (
	// lookAgain is when an incomplete check is repeated for the waiting callbacks.
	lookAgain = 300 * time.Millisecond
	// lookPatience is how long it is repeated: the old connections of a pool fail one by one, and a primary of a cluster may be down.
	lookPatience = 3 * time.Second
)

// looked calls the waiting callbacks. After an incomplete check they wait for another.
func (l *looks) looked(list []look, complete bool) {
	if !complete && len(list) > 0 {
		time.AfterFunc(lookAgain, l.nudge)
	}
	for _, w := range list {
		if complete || time.Now().After(w.until) {
			w.done()
			continue
		}
		l.mu.Lock()
		l.pending = append(l.pending, w)
		l.mu.Unlock()
	}
}

// runIDs returns the run ID of each primary that answers, and whether all did. It blocks for at most ioTimeout.
func runIDs(ctx context.Context, client redis.UniversalClient) (ids []string, complete bool) {
	ctx, cancel := context.WithTimeout(ctx, ioTimeout)
	defer cancel()
	var mu sync.Mutex
	ask := func(ctx context.Context, node *redis.Client) error {
		info, err := node.Info(ctx, "server").Result()
		if err != nil {
			return fmt.Errorf("read run ID: %w", err)
		}
		mu.Lock()
		defer mu.Unlock()
		if id := infoField(info, "run_id"); id != "" {
			ids = append(ids, id)
		}
		return nil
	}
	switch c := client.(type) {
	case *redis.ClusterClient:
		complete = c.ForEachMaster(ctx, ask) == nil
	case *redis.Client:
		complete = ask(ctx, c) == nil
	}
	return ids, complete
}
