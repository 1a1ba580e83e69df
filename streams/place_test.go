package streams_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/streams"
)

// patience is how long a test waits for what has to happen; only a failing one waits that long.
const patience = 30 * time.Second

// place is one Redis, of whatever kind, and the instances that share it.
type place struct {
	url      string // of an instance's Redis; "" as long as the embedded one is not started
	embedded bool
	cluster  bool

	raw redis.UniversalClient
}

// everywhere runs a test on the embedded Redis, on a redis-server and on a cluster (R23).
func everywhere(t *testing.T, test func(t *testing.T, p *place)) {
	t.Helper()
	t.Parallel()
	t.Run("embedded", func(t *testing.T) { t.Parallel(); test(t, &place{embedded: true}) })
	t.Run("server", func(t *testing.T) { t.Parallel(); test(t, &place{url: redistest.Server(t)}) })
	t.Run("cluster", func(t *testing.T) { t.Parallel(); test(t, &place{url: redistest.Cluster(t), cluster: true}) })
}

// onServers is everywhere, but for what only a single server can do: the number of receivers of a doorbell.
func onServers(t *testing.T, test func(t *testing.T, p *place)) {
	t.Helper()
	t.Parallel()
	t.Run("embedded", func(t *testing.T) { t.Parallel(); test(t, &place{embedded: true}) })
	t.Run("server", func(t *testing.T) { t.Parallel(); test(t, &place{url: redistest.Server(t)}) })
}

// client returns a plain Redis client of the place; an instance must have been opened.
func (p *place) client(tb failer) redis.UniversalClient {
	tb.Helper()
	if p.raw == nil {
		opt, err := streams.ParseURL(p.url)
		if err != nil {
			tb.Fatal(err)
		}
		opt.Protocol = 2
		p.raw = redis.NewUniversalClient(opt)
		tb.Cleanup(func() { _ = p.raw.Close() })
	}
	return p.raw
}

// node returns a client of the server that has the room's keys.
func (p *place) node(tb failer, room string) redis.Cmdable {
	tb.Helper()
	c, ok := p.client(tb).(*redis.ClusterClient)
	if !ok {
		return p.client(tb)
	}
	node, err := c.MasterForKey(context.Background(), "{"+room+"}")
	if err != nil {
		tb.Fatal(err)
	}
	return node
}

// keys returns all keys of a room, sorted.
func (p *place) keys(tb failer, room string) []string {
	tb.Helper()
	keys, err := p.node(tb, room).Keys(context.Background(), "{"+room+"}*").Result()
	if err != nil {
		tb.Fatal(err)
	}
	slices.Sort(keys)
	return keys
}

// elapse lets the grace window of a suspended session be over.
func (p *place) elapse(tb failer, room, client string) {
	tb.Helper()
	const due = 9 // parse in lua/lib.lua
	ctx, key := context.Background(), "{"+room+"}:m"
	record, err := p.node(tb, room).HGet(ctx, key, client).Result()
	if err != nil {
		tb.Fatalf("record of %s: %v", client, err)
	}
	words := strings.Fields(record)
	words[due] = "1"
	if err := p.node(tb, room).HSet(ctx, key, client, strings.Join(words, " ")).Err(); err != nil {
		tb.Fatal(err)
	}
}

// mailbox returns the data of the messages that wait for a client, read behind the backbone's back.
func (p *place) mailbox(tb failer, room, client string) []string {
	tb.Helper()
	entries, err := p.node(tb, room).XRange(context.Background(), "{"+room+"}:s:"+client, "-", "+").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		tb.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		body, _ := e.Values["b"].(string)
		list = append(list, streams.Body(body).Data())
	}
	return list
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func newRoom() string { return randomHex(32) }

func newClient() string {
	h := randomHex(16)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// failer is what a step needs of a test, be it testing's or rapid's.
type failer interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}
