package docs_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// play is a reader who does what some pages say, with these commands.
type play struct {
	name     string
	commands []string
	do       func(*reader)
}

const (
	signal        = "go run ./functions/signal"
	profileByHand = "TURN_URLS=turn:localhost:3478 TURN_SECRET='at least sixteen characters' go run ./functions/iceservers -profile wss://signal.example.com"
	signalPeerJS  = "PEERJS_PATH=/ go run ./functions/signal"
	signalRedis   = "REDIS_URL=redis://localhost:6379 go run ./functions/signal"
)

func plays() []play {
	return []play{
		{"by hand", []string{signal, "node talk.mjs extension", "node talk.mjs wallet"}, byHand},
		{"two instances", []string{
			"redis-server --port 6379 --save '' --maxmemory-policy noeviction",
			signalRedis,
			"REDIS_URL=redis://localhost:6379 PORT=4010 HTTP_PORT=4011 go run ./functions/signal",
			"go run ./tools/conformance -a ws://localhost:4000 -b ws://localhost:4010",
			"go run ./tools/inspect -redis redis://localhost:6379 totals",
		}, twoInstances},
		{"one instance", []string{
			signal,
			"go run ./tools/conformance -a ws://localhost:4000",
			"curl http://localhost:4001/health", "curl http://localhost:4001/ready", "curl --silent http://localhost:4001/metrics",
		}, oneInstance},
		{"inspect", []string{
			"REDIS_URL=redis://redis.internal:6379 go run ./functions/signal",
			`go run ./tools/inspect -redis "$REDIS_URL" room <connectionId>`,
			`go run ./tools/inspect -redis "$REDIS_URL" instance <INSTANCE_ID>`,
			`go run ./tools/inspect -redis "$REDIS_URL" totals`,
		}, inspect},
		{"traces", []string{
			"OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=0.01 go run ./functions/signal",
		}, traces},
		{"pion", []string{
			"go run ./client/examples/pion -loopback -room " + strings.Repeat("ab", 32),
			"go run ./client/examples/pion -loopback -room " + strings.Repeat("ab", 32) + " -role wallet -call",
		}, pion},
		{"ice servers", []string{
			"TURN_URLS=turn:localhost:3478 TURN_SECRET='at least sixteen characters' go run ./functions/iceservers",
			"curl http://localhost:4002/ice-servers",
			profileByHand,
		}, iceServers},
		{"PeerJS", []string{signalPeerJS, "curl http://localhost:4000/peerjs/id"}, peerJS},
		{"help", []string{
			"go run ./functions/signal -h",
			"go doc ./client", "go doc ./internal/edge", "go doc ./internal/signaling", "go doc ./streams",
		}, help},
		{"a client of one's own", nil, ownClient},
		{"the Go client", nil, goClient},
	}
}

// TestCommands types the commands of the pages. Every play has to type all that it says it does.
func TestCommands(t *testing.T) {
	t.Parallel()
	for _, p := range plays() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			r := newReader(t)
			p.do(r)
			for _, command := range p.commands {
				if !r.typed[command] && !t.Failed() {
					t.Errorf("never typed: %s", command)
				}
			}
			for command := range r.typed {
				if !slices.Contains(p.commands, command) {
					t.Errorf("typed, and not in the list: %s", command)
				}
			}
		})
	}
}

func (r *reader) useRedis() {
	url := redistest.Server(r.t)
	address := strings.TrimPrefix(url, "redis://")
	r.replace("redis.internal:6379", address)
	r.replace("localhost:6379", address)
	r.env = append(r.env, "REDIS_URL="+url)
}
