package streams

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Survey describes the Redis server and its problems. A field that it would not reveal is "unknown".
type Survey struct {
	Product     string // Redis, Valkey, or the embedded one
	Version     string
	Topology    string // single, sentinel, cluster
	Eviction    string // maxmemory-policy
	Persistence string // aof, rdb, none
	// Problems should be fixed; Impossible is why Rejoin cannot work there at all, nil if it can.
	Problems   []string
	Impossible error
}

const unknown = "unknown"

// surveyKey has the form that the ACL in SECURITY.md allows. The survey leaves nothing there.
const surveyKey = "{rejoin-survey}:m"

// surveyScript tries features that scripts need and older or reduced servers lack: entry IDs with a second half chosen by Redis (7.0), and
// groups.
const surveyScript = `redis.call('DEL', KEYS[1])
redis.call('XGROUP', 'CREATE', KEYS[1], 'g', '0', 'MKSTREAM')
local id = redis.call('XADD', KEYS[1], 'NOMKSTREAM', '7-*', 'b', '')
redis.call('DEL', KEYS[1])
return id`

// Survey examines the Redis server. It blocks until Redis has been reached; if ctx ends first, it returns false.
func (b *Backbone) Survey(ctx context.Context) (s Survey, ok bool) {
	for b.client.Load() == nil {
		if sleep(ctx, 10*time.Millisecond); ctx.Err() != nil || b.life.Err() != nil {
			return s, false
		}
	}
	client := *b.client.Load()
	s = Survey{Product: "Redis", Version: unknown, Topology: "single", Eviction: unknown, Persistence: unknown}
	switch {
	case b.local != nil:
		s.Product, s.Eviction, s.Persistence = "embedded", "noeviction", "none"
		return s, true
	case b.redis.MasterName != "":
		s.Topology = "sentinel"
	}
	if _, cluster := client.(*redis.ClusterClient); cluster {
		s.Topology = "cluster"
	}
	ctx, cancel := context.WithTimeout(ctx, 2*ioTimeout)
	defer cancel()
	info, _ := client.Info(ctx).Result() // without an answer, everything stays unknown
	s.readInfo(info)
	if b.redis.Username == "" { // an ACL user need not be allowed that, and refusals fill the log of Redis
		s.askConfig(ctx, client)
	}
	s.judgeMemory(infoField(info, "maxmemory"))
	s.try(ctx, client, channel(b.opt.Instance))
	return s, true
}

func (s *Survey) readInfo(info string) {
	if v := infoField(info, "redis_version"); v != "" {
		s.Version = v
	}
	if v := infoField(info, "valkey_version"); v != "" {
		s.Product, s.Version = "Valkey", v
	}
	if v := infoField(info, "maxmemory_policy"); v != "" {
		s.Eviction = v
	}
	if infoField(info, "aof_enabled") == "1" {
		s.Persistence = "aof"
	}
	if infoField(info, "role") == "slave" {
		s.Problems = append(s.Problems, "this is a replica: give the address of the primary, or of the sentinels")
	}
}

// askConfig asks for settings that INFO does not show. Managed services often forbid it.
func (s *Survey) askConfig(ctx context.Context, client redis.UniversalClient) {
	config, err := client.ConfigGet(ctx, "save").Result()
	if save, known := config["save"]; err == nil && known && s.Persistence == unknown {
		if s.Persistence = "rdb"; save == "" {
			s.Persistence = "none"
		}
	}
	if s.Persistence == "none" {
		s.Problems = append(s.Problems, "it keeps nothing over a restart: the mailboxes of clients that are away are lost then (appendonly yes)")
	}
}

func (s *Survey) judgeMemory(maxmemory string) {
	switch {
	case s.Eviction == unknown || s.Eviction == "noeviction":
	case maxmemory == "0":
		s.Problems = append(s.Problems, "maxmemory-policy "+s.Eviction+" would evict mailboxes if maxmemory were set: set noeviction")
	default:
		s.Problems = append(s.Problems, "maxmemory-policy "+s.Eviction+" evicts mailboxes, confirmed messages with them: set noeviction")
	}
}

// try uses the commands that Rejoin needs. A refusal that may be temporary is a problem, and readiness reports more about it.
func (s *Survey) try(ctx context.Context, client redis.UniversalClient, channel string) {
	err := client.Eval(ctx, surveyScript, []string{surveyKey}).Err()
	switch {
	case err == nil:
	case lacksCommand(err):
		s.Impossible = fmt.Errorf("it has no Lua scripts (EVAL), which do all of Rejoin's work; on Valkey 9.1 and newer Lua is a module to be loaded: %w", err)
	case strings.Contains(err.Error(), "Invalid stream ID"), strings.Contains(err.Error(), "nknown Redis command"), strings.Contains(err.Error(), "nknown command"):
		s.Impossible = fmt.Errorf("its streams are too old: Redis 7.0, Valkey 7.2 or newer is needed: %w", err)
	default:
		s.Problems = append(s.Problems, explain(err).Error())
	}
	sub := client.Subscribe(ctx, channel)
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil && s.Impossible == nil {
		if lacksCommand(err) {
			s.Impossible = fmt.Errorf("it cannot SUBSCRIBE, as some proxies cannot: connect to Redis itself: %w", err)
		} else {
			s.Problems = append(s.Problems, "SUBSCRIBE: "+explain(err).Error())
		}
	}
}

// lacksCommand reports whether a server said that it does not know the command itself.
func lacksCommand(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply) && strings.HasPrefix(strings.ToLower(reply.Error()), "err unknown command")
}
