package pipeline

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Replicas is how many replicas must hold what a batch wrote before any of its calls is answered (WAIT); 0: none. What is on fewer
// in time is repeated, as if Redis had not answered.
type Replicas struct {
	Count    int
	Patience time.Duration // how long one WAIT may block its connection; below Options.IOTimeout and the time that calls have
}

// errReplicas: the calls were made, but not enough replicas have said that they have them.
type errReplicas struct{ have, want int64 }

func (e errReplicas) Error() string { return fmt.Sprintf("on %d replicas, want %d", e.have, e.want) }

// replicaWait is what one batch waits for.
type replicaWait struct {
	need   Replicas
	marks  []redis.Cmder // one server: they travel in the batch's own pipeline
	reply  *redis.IntCmd
	shards map[*redis.Client][]string // a cluster: the keys to mark, by primary, as it was before the batch
}

// mark is a write in the room's slot that leaves nothing behind. WAIT counts from the last write of its connection, and a call that
// is repeated may write nothing; on a cluster the mark also proves that the primary still has the slot.
func mark(key string) *redis.StatusCmd {
	return redis.NewStatusCmd(context.Background(), "SET", key, "", "PX", 1)
}

func (r Replicas) wait() *redis.IntCmd {
	return redis.NewIntCmd(context.Background(), "WAIT", r.Count, r.Patience.Milliseconds())
}

// begin comes before the Exec of a batch, whose calls are in pipe already. It returns nil when no call waits.
func (r Replicas) begin(ctx context.Context, client redis.UniversalClient, pipe redis.Pipeliner, batch []*Call) (*replicaWait, error) {
	if r.Count == 0 {
		return nil, nil
	}
	keys := rooms(batch)
	if len(keys) == 0 {
		return nil, nil
	}
	w := &replicaWait{need: r}
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		w.reply, w.marks = r.wait(), []redis.Cmder{mark(keys[0])}
		_ = pipe.Process(ctx, w.marks[0])
		_ = pipe.Process(ctx, w.reply)
		return w, nil
	}
	w.shards = map[*redis.Client][]string{}
	for _, key := range keys {
		node, err := cluster.MasterForKey(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("find primary: %w", err)
		}
		w.shards[node] = append(w.shards[node], key)
	}
	return w, nil
}

// rooms returns the keys to mark of a batch: {room}:w for each of its rooms, in the slot of {room}:m.
func rooms(batch []*Call) (keys []string) {
	seen := map[string]bool{}
	for _, c := range batch {
		if !c.Unmarked && !seen[c.Key] {
			seen[strings.Clone(c.Key)] = true // its memory is used again
			keys = append(keys, strings.TrimSuffix(c.Key, "m")+"w")
		}
	}
	return keys
}

// done comes after the Exec: nil when enough replicas have it all. On a cluster it blocks for a round trip to each primary.
func (w *replicaWait) done(ctx context.Context) error {
	if w == nil {
		return nil
	}
	if w.shards == nil {
		return w.judge(w.marks, w.reply)
	}
	results := make(chan error, len(w.shards))
	for node, keys := range w.shards {
		go func() { results <- w.waitAt(ctx, node, keys) }()
	}
	var failed error
	for range w.shards {
		if err := <-results; err != nil {
			failed = err
		}
	}
	return failed
}

// waitAt marks the rooms at one primary of a cluster, and waits there.
func (w *replicaWait) waitAt(ctx context.Context, node *redis.Client, keys []string) error {
	pipe := node.Pipeline()
	marks := make([]redis.Cmder, len(keys))
	for i, key := range keys {
		marks[i] = mark(key)
		_ = pipe.Process(ctx, marks[i])
	}
	reply := w.need.wait()
	_ = pipe.Process(ctx, reply)
	_, _ = pipe.Exec(ctx) // each command carries its own error
	return w.judge(marks, reply)
}

func (w *replicaWait) judge(marks []redis.Cmder, reply *redis.IntCmd) error {
	for _, m := range marks {
		if err := m.Err(); err != nil {
			return fmt.Errorf("mark: %w", err)
		}
	}
	have, err := reply.Result()
	if err != nil {
		return fmt.Errorf("wait for replicas: %w", err)
	}
	if have < int64(w.need.Count) {
		return errReplicas{have, int64(w.need.Count)}
	}
	return nil
}
