package fleet_test

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/rejoin-dev/rejoin/tools/loadtest/fleet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What goes well is tested with the scenarios.

func TestWhatCannotStart(t *testing.T) {
	t.Parallel()
	for name, plan := range map[string]fleet.Plan{
		"no redis":           {Redis: "/nowhere/redis-server", Instances: 1},
		"redis that ends":    {Redis: "/bin/false", Instances: 1},
		"redis that is none": {Redis: "/bin/echo", Instances: 1},
	} {
		if f, err := fleet.Start(t.Context(), plan); err == nil || f != nil || !strings.Contains(err.Error(), "redis") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatCannotBeBuilt(t *testing.T) {
	t.Parallel()
	if _, err := fleet.Build(t.Context(), t.TempDir(), fleet.Signal+"/nothing"); err == nil {
		t.Error("built")
	}
}

func TestAttach(t *testing.T) {
	t.Parallel()
	f, err := fleet.Attach([]string{"ws://localhost:4000", "ws://127.1.2.3:4001"}, nil, 0)
	if err != nil || len(f.Servers) != 2 || f.Servers[0].Addr.String() != "127.0.0.1:4000" || f.Servers[1].Addr.Port() != 4001 {
		t.Fatalf("%+v, %v", f, err)
	}
	// Nothing is known of the processes.
	if cpu, err := f.CPU(); err != nil || cpu.Servers != 0 {
		t.Errorf("%v, %v", cpu, err)
	}
	if all, err := f.Look(t.Context(), fleet.CPU{}); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	if err := f.Stop(); err != nil {
		t.Error(err)
	}
	for _, url := range []string{"", "127.0.0.1:4000", "ws://127.0.0.1", "ws://192.0.2.1:80", "wss://127.0.0.1:1", "ws://[::1]:80", "ws://host:80"} {
		if _, err := fleet.Attach([]string{url}, nil, 0); err == nil {
			t.Errorf("%q was taken", url)
		}
	}
}
