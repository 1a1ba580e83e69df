package pipeline

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// callCluster sends the batch to the primaries of its calls: nearly always that is one, the worker's own. Calls whose slot has just moved
// away are refused (MOVED) and repeated; those whose slot is moving and whose keys are at its next primary already are asked for there.
//
// The pipeline of go-redis' cluster client would do all of this, but it sends a whole batch again when its first call is
// refused for a while (TRYAGAIN), the calls that it also sends to another node included, at the same time.
func (w *worker) callCluster(ctx context.Context, cluster *redis.ClusterClient) (few, err error) {
	wait, err := w.p.opt.Replicas.begin(ctx, cluster, nil, w.batch)
	if err != nil {
		return nil, err
	}
	var nodes []*redis.Client
	calls := map[*redis.Client][]*Call{}
	for _, c := range w.batch {
		node, err := cluster.MasterForKey(ctx, c.Key)
		if err != nil {
			c.Cmd.SetErr(fmt.Errorf("find primary: %w", err))
			continue
		}
		if calls[node] == nil {
			nodes = append(nodes, node)
		}
		calls[node] = append(calls[node], c)
	}
	for _, node := range nodes {
		pipe := node.Pipeline()
		for _, c := range calls[node] {
			c.add(ctx, pipe)
		}
		_, _ = pipe.Exec(ctx) // each command carries its own error
	}
	w.followAsks(ctx)
	return wait.done(ctx), nil
}

// followAsks sends the calls that were answered with ASK to where that says, of each key in order.
func (w *worker) followAsks(ctx context.Context) {
	var calls map[string][]*Call // by address
	for _, c := range w.batch {
		if addr, ok := parseAsk(c.Cmd.Err()); ok {
			if calls == nil {
				calls = map[string][]*Call{}
			}
			calls[addr] = append(calls[addr], c)
		}
	}
	for addr, list := range calls {
		node := w.p.primaryAt(addr)
		if node == nil {
			continue // it has no slot yet and is not known: they are repeated until it has this one
		}
		pipe := node.Pipeline()
		for _, c := range list {
			c.Cmd.SetErr(nil)
			_ = pipe.Process(ctx, redis.NewStatusCmd(ctx, "ASKING"))
			c.add(ctx, pipe) // Read is refused there, for ASKING is for one command
		}
		_, _ = pipe.Exec(ctx)
	}
}

// parseAsk reads "ASK <slot> <address>".
func parseAsk(err error) (addr string, ok bool) {
	if err == nil {
		return "", false
	}
	rest, ok := strings.CutPrefix(err.Error(), "ASK ")
	if !ok {
		return "", false
	}
	_, addr, ok = strings.Cut(rest, " ")
	return addr, ok
}
