package streams

import (
	"context"
	"crypto/sha1" //nolint:gosec // Redis names scripts by their SHA-1 (EVALSHA)
	"embed"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/*.lua
var luaFiles embed.FS

func luaFile(name string) string {
	b, err := luaFiles.ReadFile("lua/" + name + ".lua")
	if err != nil {
		panic(err) // embedded at build time
	}
	return string(b)
}

// script is one of lua/*.lua with its prelude, for most the shared lib.lua.
type script struct {
	name   string
	source string
	sha    string
}

// loadScript puts the prelude in front of lua/<name>.lua.
func loadScript(name, prelude string) *script {
	src := prelude + luaFile(name)
	sum := sha1.Sum([]byte(src)) //nolint:gosec // see the import
	return &script{name: name, source: src, sha: hex.EncodeToString(sum[:])}
}

var (
	lib = luaFile("lib")

	attachScript = loadScript("attach", lib)
	buryScript   = loadScript("bury", lib)
	detachScript = loadScript("detach", lib)
	leaveScript  = loadScript("leave", lib)
	aliveCall    = &script{name: "alive"} // a PUBLISH, not a script: it is only named for the metrics
	ackScript    = loadScript("ack", lib)
	syncScript   = loadScript("sync", lib)
	tallyScript  = loadScript("tally", lib)
	leaseScript  = loadScript("lease", "")

	// scripts are all but send, which holds settings: see newSendScript.
	scripts = []*script{attachScript, buryScript, detachScript, leaveScript, ackScript, syncScript, tallyScript, leaseScript}
)

// loadEverywhere makes scripts known to every primary of a cluster. It blocks for one round trip.
func loadEverywhere(ctx context.Context, client redis.UniversalClient, scripts []*script) error {
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		return load(ctx, client, scripts)
	}
	return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return load(ctx, node, scripts) })
}

func load(ctx context.Context, node interface {
	Pipelined(context.Context, func(redis.Pipeliner) error) ([]redis.Cmder, error)
}, scripts []*script,
) error {
	_, err := node.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, s := range scripts {
			p.ScriptLoad(ctx, s.source)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("load scripts: %w", err)
	}
	return nil
}

// sendScript makes the send script for the primary at conn; nil stands for all primaries of a cluster, which tell their
// generation by themselves: INFO would cost a script more than all the rest.
func (b *Backbone) sendScript(ctx context.Context, conn *redis.Conn) (*script, error) {
	switch {
	case b.local != nil:
		return b.send, nil
	case conn == nil:
		return newSendScript(b.opt, "redis.call('CLUSTER', 'MYID')"), nil
	}
	info, err := conn.Info(ctx, "server").Result()
	if err != nil && judge(err) != answered { // an embedded one of another process answers that it does not know
		return nil, fmt.Errorf("read run ID: %w", err)
	}
	return newSendScript(b.opt, "'"+runID(info)+"'"), nil
}

// runID finds the run ID in INFO server.
func runID(info string) string {
	for line := range strings.Lines(info) {
		if id, ok := strings.CutPrefix(line, "run_id:"); ok {
			return strings.TrimSpace(id)
		}
	}
	return ""
}
