package redistest_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/internal/redistest"
)

func TestSharedServerIsStartedOnce(t *testing.T) {
	t.Parallel()
	need(t)
	urls := make([]string, 8)
	var calls sync.WaitGroup
	for i := range urls {
		calls.Go(func() { urls[i] = redistest.Server(t) })
	}
	calls.Wait()
	for _, url := range urls {
		if url != urls[0] {
			t.Fatalf("two shared servers: %s and %s", urls[0], url)
		}
	}
	if err := dial(t, urls[0]).Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}

func TestClusterTakesWritesInEverySlotRange(t *testing.T) {
	t.Parallel()
	url := redistest.Cluster(t)
	if again := redistest.Cluster(t); again != url {
		t.Fatalf("two shared clusters: %s and %s", url, again)
	}
	addresses := strings.Split(strings.TrimPrefix(url, "redis://"), ",")
	if len(addresses) != 3 {
		t.Fatalf("%d addresses in %s, want 3", len(addresses), url)
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addresses})
	defer client.Close()
	for i := range 64 {
		key := fmt.Sprint("key", i)
		if err := client.Set(t.Context(), key, i, 0).Err(); err != nil {
			t.Fatalf("set %s: %v", key, err)
		}
	}
	for _, address := range addresses {
		node := dial(t, "redis://"+address)
		if size := node.DBSize(t.Context()).Val(); size == 0 {
			t.Errorf("no key on the node at %s", address)
		}
	}
}
