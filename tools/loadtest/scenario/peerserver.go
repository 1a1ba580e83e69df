//go:build linux

package scenario

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/rejoin-dev/rejoin/tools/loadtest/fleet"
)

// peerServerPackage is PeerServer as npm has it.
const peerServerPackage = "peer@1.0.2"

// peerServerPlan fetches PeerServer into a directory that goes when the run ends, and says how its own command line starts it.
func (b *bench) peerServerPlan(ctx context.Context) (plan fleet.Plan, err error) {
	if plan.Redis, err = exec.LookPath(b.opt.redisServer); err != nil { // PeerServer does not use it
		return plan, fmt.Errorf("find redis-server: %w", err)
	}
	if plan.Binary, err = exec.LookPath("node"); err != nil {
		return plan, fmt.Errorf("find Node.js: %w", err)
	}
	if b.dir == "" {
		if b.dir, err = os.MkdirTemp("", "rejoin-loadtest-"); err != nil {
			return plan, fmt.Errorf("make a directory: %w", err)
		}
	}
	dir := filepath.Join(b.dir, "peerserver")
	program := filepath.Join(dir, "node_modules", "peer", "dist", "bin", "peerjs.js")
	if _, err := os.Stat(program); err != nil {
		b.say("npm install %s", peerServerPackage)
		install := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--silent", peerServerPackage)
		if out, err := install.CombinedOutput(); err != nil {
			return plan, fmt.Errorf("fetch %s: %w\n%s", peerServerPackage, err, out)
		}
	}
	plan.Instances, plan.Env = 1, []string{"NODE_ENV=production"}
	plan.Args = []string{program, "--host", "127.0.0.1", "--concurrent_limit", "1000000"} // its default is 5000 clients
	return plan, nil
}
