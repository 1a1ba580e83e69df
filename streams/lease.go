package streams

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// keepLease renews the lease three times in its lifetime and watches who else has one, and which primaries
// there are:
//
//	no lease ──► held ──(not renewed in time: stopped, or cut off)──► lost
//	               ▲                                                    │ others have detached our clients
//	               └──────────────── Reconcile ◄────────────────────────┘
func (b *Backbone) keepLease(ctx context.Context) {
	tick := time.NewTicker(b.opt.Lease * 3 / 10)
	defer tick.Stop()
	var generation []string
	for {
		callCtx, cancel := context.WithTimeout(ctx, ioTimeout)
		if err := b.lease(callCtx, b.opt.Lease); err != nil && ctx.Err() == nil {
			b.log.Warn("lease not renewed", "error", err)
		}
		generation = b.checkGeneration(callCtx, generation)
		cancel()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (b *Backbone) lease(ctx context.Context, ttl time.Duration) error {
	first := b.renewed.Load() == 0
	reply, err := b.evalNow(ctx, leaseScript, leasesKey, b.opt.Instance, ttl.Milliseconds())
	if err != nil {
		return fmt.Errorf("renew lease: %w", err)
	}
	list, ok := reply.([]any)
	if !ok || len(list) == 0 {
		return errReply
	}
	if ttl == 0 {
		return nil
	}
	b.renewed.Store(time.Now().UnixNano())
	live := make(map[string]bool, len(list))
	for _, v := range list[1:] {
		if s, ok := v.(string); ok {
			live[s] = true
		}
	}
	if list[0] == int64(0) && !first {
		b.handler.Reconcile()
	}
	b.handler.Instances(live)
	return nil
}

// evalNow runs a script outside the batcher, on the caller's goroutine.
func (b *Backbone) evalNow(ctx context.Context, s *script, key string, args ...any) (any, error) {
	reply, err := b.client.EvalSha(ctx, s.sha, []string{key}, args...).Result()
	if judge(err) == unloaded {
		return b.client.Eval(ctx, s.source, []string{key}, args...).Result()
	}
	return reply, err
}

// checkGeneration compares the primaries' run IDs with those seen before. A primary not seen before may lack
// the tail of what was stored (replication is asynchronous), or everything: the epochs must change.
func (b *Backbone) checkGeneration(ctx context.Context, before []string) []string {
	now, err := b.runIDs(ctx)
	if err != nil || len(now) == 0 {
		return before
	}
	for _, id := range now {
		if before != nil && !slices.Contains(before, id) {
			b.log.Warn("redis primary changed; attaching all sessions again")
			b.handler.Regenerate()
			break
		}
	}
	return now
}

// runIDs returns the run ID of each primary, none on the embedded Redis.
func (b *Backbone) runIDs(ctx context.Context) ([]string, error) {
	if b.local != nil {
		return nil, nil
	}
	var mu sync.Mutex
	var ids []string
	ask := func(ctx context.Context, node *redis.Client) error {
		info, err := node.Info(ctx, "server").Result()
		if err != nil {
			return fmt.Errorf("read run ID: %w", err)
		}
		mu.Lock()
		defer mu.Unlock()
		ids = append(ids, runID(info))
		return nil
	}
	switch c := b.client.(type) {
	case *redis.ClusterClient:
		err := c.ForEachMaster(ctx, ask)
		return ids, err
	case *redis.Client:
		err := ask(ctx, c)
		return ids, err
	}
	return nil, nil
}
