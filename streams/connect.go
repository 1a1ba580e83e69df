package streams

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	firstConnectPause = 50 * time.Millisecond
	lastConnectPause  = time.Second // full service is back within 5 s of Redis' return
)

// connect returns a client for the topology it finds: a single address may be that of a cluster, as with managed services. It retries until
// Redis has answered. If ctx ends first, it returns nil.
func (b *Backbone) connect(ctx context.Context) redis.UniversalClient {
	if b.local != nil || b.redis.IsClusterMode || b.redis.MasterName != "" {
		return redis.NewUniversalClient(b.redis)
	}
	for pause := firstConnectPause; ctx.Err() == nil; pause = min(2*pause, lastConnectPause) {
		client, err := recognise(ctx, b.redis)
		if err == nil {
			if _, cluster := client.(*redis.ClusterClient); cluster {
				b.log.Info("REDIS_URL names a node of a cluster: using all of it", "address", b.redis.Addrs[0])
			}
			return client
		}
		b.pipelines.Disconnected(err)
		b.health.failed(partConnection, err)
		sleep(ctx, pause)
	}
	return nil
}

// recognise asks one server whether it is part of a cluster, and returns a matching client. It blocks for a round trip.
func recognise(ctx context.Context, opt *redis.UniversalOptions) (redis.UniversalClient, error) {
	client := redis.NewUniversalClient(opt)
	if opt.IsClusterMode || opt.MasterName != "" {
		return client, nil
	}
	ctx, cancel := context.WithTimeout(ctx, ioTimeout)
	defer cancel()
	info, err := client.Info(ctx, "cluster").Result()
	switch {
	case err != nil && !unknownCommand(err):
		_ = client.Close()
		if strings.HasPrefix(err.Error(), "ERR SELECT is not allowed") {
			err = fmt.Errorf("%w: leave the database out of REDIS_URL", err)
		}
		return nil, err
	case infoField(info, "cluster_enabled") != "1":
		return client, nil
	}
	_ = client.Close()
	if opt.DB != 0 {
		return nil, errors.New("this is a cluster, which has only database 0: leave the database out of REDIS_URL")
	}
	opt.IsClusterMode = true
	tune(opt)
	return redis.NewUniversalClient(opt), nil
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
