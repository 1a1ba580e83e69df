//go:build linux

package scenario

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/rejoin-dev/rejoin/tools/loadtest/fleet"
	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
)

// peerPlan is how to start a server that is not ours: ./scripts/bench-peers put it into dir.
func (b *bench) peerPlan(subject, dir string, instances int) (plan fleet.Plan, err error) {
	plan.Instances = instances
	if plan.Redis, err = exec.LookPath(b.opt.redisServer); err != nil {
		return plan, fmt.Errorf("find redis-server: %w", err)
	}
	needs := filepath.Join(dir, "centrifugo")
	switch subject {
	case report.SubjectCentrifugo:
		plan.Binary, plan.Env, plan.Addresses = needs, centrifugoSettings, centrifugoAddresses
	case report.SubjectSocketIO:
		needs = filepath.Join(dir, "socketio", "server.mjs")
		if plan.Binary, err = exec.LookPath("node"); err != nil {
			return plan, fmt.Errorf("find Node.js: %w", err)
		}
		plan.Args, plan.Env = []string{needs}, []string{"NODE_ENV=production"}
	default:
		return plan, fmt.Errorf("no server %q", subject)
	}
	if _, err := os.Stat(needs); err != nil {
		return plan, fmt.Errorf("%w: ./scripts/bench-peers fetches it", err)
	}
	return plan, nil
}

// centrifugoSettings: every channel keeps what came in a minute, as a mailbox of Rejoin does, and its client recovers from it.
var centrifugoSettings = []string{
	"CENTRIFUGO_CLIENT_INSECURE=true", "CENTRIFUGO_LOG_LEVEL=error", "CENTRIFUGO_ENGINE_TYPE=redis",
	"CENTRIFUGO_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE=256", "CENTRIFUGO_CHANNEL_WITHOUT_NAMESPACE_HISTORY_TTL=60s",
	"CENTRIFUGO_CHANNEL_WITHOUT_NAMESPACE_FORCE_RECOVERY=true",
	"CENTRIFUGO_CHANNEL_WITHOUT_NAMESPACE_ALLOW_SUBSCRIBE_FOR_CLIENT=true", "CENTRIFUGO_CHANNEL_WITHOUT_NAMESPACE_ALLOW_SUBSCRIBE_FOR_ANONYMOUS=true",
	"CENTRIFUGO_CHANNEL_WITHOUT_NAMESPACE_ALLOW_PUBLISH_FOR_CLIENT=true", "CENTRIFUGO_CHANNEL_WITHOUT_NAMESPACE_ALLOW_PUBLISH_FOR_ANONYMOUS=true",
}

func centrifugoAddresses(listen, _, redis netip.AddrPort) []string {
	return []string{
		"CENTRIFUGO_HTTP_SERVER_ADDRESS=" + listen.Addr().String(), fmt.Sprintf("CENTRIFUGO_HTTP_SERVER_PORT=%d", listen.Port()),
		"CENTRIFUGO_ENGINE_REDIS_ADDRESS=redis://" + redis.String(),
	}
}

// startPeer starts a server that is not ours.
func (b *bench) startPeer(ctx context.Context, subject, dir string, instances int) (*fleet.Fleet, error) {
	plan, err := b.peerPlan(subject, dir, instances)
	if err != nil {
		return nil, err
	}
	f, err := fleet.Start(ctx, plan)
	if err == nil {
		b.say("%s: %d server processes", subject, instances)
	}
	return f, err
}
