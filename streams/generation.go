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
	tick := time.NewTicker(b.opt.Lease * 3 / 10)
	defer tick.Stop()
	known := map[string]bool{} // the primaries as last seen; one that does not answer stays
	for {
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
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
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
