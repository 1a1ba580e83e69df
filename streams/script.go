package streams

import (
	"context"
	"crypto/sha1" //nolint:gosec // Redis names scripts by their SHA-1 (EVALSHA)
	"embed"
	"encoding/hex"
	"fmt"

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
	leaseScript  = loadScript("lease", "")

	// scripts are all but send, which holds settings: see newSendScript.
	scripts = []*script{attachScript, buryScript, detachScript, leaveScript, ackScript, syncScript, leaseScript}
)

// loadScripts makes scripts known to every primary. It blocks for one round trip.
func loadScripts(ctx context.Context, client redis.UniversalClient, scripts []*script) error {
	load := func(ctx context.Context, node redis.UniversalClient) error {
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
	if cluster, ok := client.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return load(ctx, node) })
	}
	return load(ctx, client)
}
