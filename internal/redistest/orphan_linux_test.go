package redistest_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/redistest"
)

func TestServersEndWhenTheTestProcessIsKilled(t *testing.T) {
	t.Parallel()
	const variable = "REDISTEST_CHILD"
	if os.Getenv(variable) != "" { // the process that is killed: this test again
		fmt.Println(redistest.NewServer(t).Addr())
		select {}
	}

	need(t)
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), variable+"=1", "TMPDIR="+t.TempDir())
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	address, err := bufio.NewReader(stdout).ReadString('\n')
	address = strings.TrimSpace(address)
	if err != nil || !listens(address) {
		t.Errorf("no server at %q in the child: %v", address, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = child.Wait() // it was killed
	waitClosed(t, address)
}

// waitClosed blocks until address is no longer listened on.
func waitClosed(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for listens(address) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("%s is still listened on", address)
		}
	}
}
