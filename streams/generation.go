package streams

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// watchGeneration compares the primaries' run IDs with those seen before. A primary not seen before may lack
// the tail of what was stored (replication is asynchronous), or everything: the epochs must change. A primary that does
// not answer keeps none of the others from being looked at.
func (b *Backbone) watchGeneration(ctx context.Context, client redis.UniversalClient) {
	if b.local != nil {
		return
	}
	// Not the period of the leases: both at one moment would need a connection more each time.
	tick := time.NewTicker(b.opt.Lease*3/10 + 7*time.Millisecond)
	defer tick.Stop()
	known := map[string]bool{} // the primaries as last seen; one that does not answer stays
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

// CheckPrimaries looks at the primaries now, and not only at the next tick; done is called when that is done, after Handler.Regenerate if one of
// them is new. So an answer that came before the call can be judged: was it of a primary that is not known yet? When one does not
// answer for some seconds, done is called all the same. After Close it may not be called.
func (b *Backbone) CheckPrimaries(done func()) {
	if b.local != nil { // it is never replaced
		b.wg.Go(done)
		return
	}
	b.looks.add(done)
}

// looks are what waits until the primaries have been looked at.
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

// take returns what waits: what comes later waits for another look.
func (l *looks) take() []look {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.pending
	l.pending = nil
	return list
}

const (
	// lookAgain is when an incomplete look is made again for those that wait.
	lookAgain = 300 * time.Millisecond
	// lookPatience is how long it is: the old connections of a pool fail one by one, and one primary of a cluster may be away.
	lookPatience = 3 * time.Second
)

// looked tells those that waited for a look. Those of an incomplete one wait for another.
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

// runIDs returns the run ID of each primary that answers, and whether all did. It blocks for ioTimeout at most.
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
