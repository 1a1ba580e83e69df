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

// script is one of lua/*.lua with the shared lib.lua before it.
type script struct {
	name   string
	source string
	sha    string
}

func loadScript(name string, parts ...string) *script {
	var src []byte
	for _, p := range append(parts, name) {
		b, err := luaFiles.ReadFile("lua/" + p + ".lua")
		if err != nil {
			panic(err) // embedded at build time
		}
		src = append(src, b...)
	}
	sum := sha1.Sum(src) //nolint:gosec // see the import
	return &script{name: name, source: string(src), sha: hex.EncodeToString(sum[:])}
}

var (
	attachScript = loadScript("attach", "lib")
	sendScript   = loadScript("send")
	buryScript   = loadScript("bury", "lib")
	detachScript = loadScript("detach", "lib")
	leaveScript  = loadScript("leave", "lib")
	aliveCall    = &script{name: "alive"} // a PUBLISH, not a script: it is only named for the metrics
	ackScript    = loadScript("ack", "lib")
	syncScript   = loadScript("sync", "lib")
	leaseScript  = loadScript("lease")

	scripts = []*script{attachScript, sendScript, buryScript, detachScript, leaveScript, ackScript, syncScript, leaseScript}
)

// loadScripts makes all scripts known to every primary. It blocks for one round trip.
func loadScripts(ctx context.Context, client redis.UniversalClient) error {
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
