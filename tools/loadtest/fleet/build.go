package fleet

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// module is ours.
const module = "github.com/rejoin-dev/rejoin/"

// What can be built and started.
const (
	Signal   = module + "functions/signal"
	Baseline = module + "tools/loadtest/testdata/baseline"
)

// Build builds a package into dir as it is released, static and stripped, and returns the binary's path. It has to be
// called inside of the module's tree, and blocks for as long as the compiler takes.
func Build(ctx context.Context, dir, pkg string) (string, error) {
	binary := filepath.Join(dir, path.Base(pkg))
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", binary, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, strings.TrimSpace(string(out)))
	}
	return binary, nil
}
