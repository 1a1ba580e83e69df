package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// ours are the services that are built here; the health check is in their image.
var ours = []string{"signal", "iceservers"}

func TestEveryContainerIsConfined(t *testing.T) {
	t.Parallel()
	for _, p := range everything(t) {
		for name, s := range p.Services {
			if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.Privileged {
				t.Errorf("%s: read-only %v, capabilities dropped %v, %v", name, s.ReadOnly, s.CapDrop, s.SecurityOpt)
			}
			if s.MemLimit == 0 || s.Logging == nil || s.Logging.Options["max-size"] == "" {
				t.Errorf("%s: no bound on its memory (%d) or its log", name, s.MemLimit)
			}
		}
	}
}

func TestEveryServiceSaysWhetherItWorks(t *testing.T) {
	t.Parallel()
	for _, p := range everything(t) {
		for name, s := range p.Services {
			if name == "secret" || slices.Contains(ours, name) { // one ends, the others: TestDockerfile
				continue
			}
			if s.HealthCheck == nil || s.HealthCheck.Disable || len(s.HealthCheck.Test) < 2 || s.HealthCheck.Timeout == nil {
				t.Errorf("%s has no health check", name)
			}
		}
	}
}

func TestImagesArePinned(t *testing.T) {
	t.Parallel()
	version := regexp.MustCompile(`:v?\d+\.\d+\.\d+(-[a-z0-9]+)?$`)
	for name, s := range everything(t)[0].Services {
		if s.Build == nil && !version.MatchString(s.Image) {
			t.Errorf("%s: %s names no version", name, s.Image)
		}
	}
	for _, line := range regexp.MustCompile(`(?m)^ARG \w+_IMAGE=.*`).FindAllString(read(t, "Dockerfile"), -1) {
		if !version.MatchString(line) {
			t.Errorf("Dockerfile: %s names no version", line)
		}
	}
}

// TestOnlyTheBalancerIsPublic: only the balancer, or Caddy in front of it, is. Other services are at most published on this machine, and
// Valkey and the instances are not published at all.
func TestOnlyTheBalancerIsPublic(t *testing.T) {
	t.Parallel()
	for _, p := range everything(t) {
		for name, s := range p.Services {
			for _, port := range s.Ports {
				if name != "balancer" && name != "caddy" && port.HostIP != "127.0.0.1" {
					t.Errorf("%s is published: %v", name, port)
				}
			}
			if _, inside := s.Networks["inside"]; (name == "valkey" || slices.Contains(ours, name)) && (!inside || len(s.Networks) != 1 || len(s.Ports) > 0) {
				t.Errorf("%s: ports %v, networks %v", name, s.Ports, s.NetworksByPriority())
			}
			if s.NetworkMode == "host" && name != "coturn" {
				t.Errorf("%s is in the host's network", name)
			}
		}
		if !p.Networks["inside"].Internal {
			t.Error("the network inside has a way out")
		}
	}
}

// TestNoSecret: what is called one comes from a file, and nothing looks like one.
func TestNoSecret(t *testing.T) {
	t.Parallel()
	called := regexp.MustCompile(`SECRET|PASSWORD|TOKEN|KEY`)
	for _, p := range everything(t) {
		for name, s := range p.Services {
			for key, value := range s.Environment {
				if called.MatchString(key) && !strings.HasSuffix(key, "_FILE") && *value != "" && *value != "true" {
					t.Errorf("%s: %s is set in the file", name, key)
				}
			}
		}
	}
	random := regexp.MustCompile(`[A-Za-z0-9+/]{28,}`)
	for _, path := range append(production, "Dockerfile") {
		for _, word := range random.FindAllString(read(t, path), -1) {
			if strings.Count(word, "/") < 2 { // a path is none
				t.Errorf("%s: %q looks like a secret", path, word)
			}
		}
	}
}

// TestSettingsAreKnown: a misspelt setting would be ignored silently.
func TestSettingsAreKnown(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, pattern := range []string{"../../functions/*/*.go", "../../functions/internal/settings/*.go"} {
		sources, err := filepath.Glob(pattern)
		if err != nil || len(sources) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(sources), err)
		}
		for _, path := range sources {
			for _, m := range regexp.MustCompile(`env:"(\w+)`).FindAllStringSubmatch(read(t, strings.TrimPrefix(path, "../../")), -1) {
				known[m[1]] = true
			}
		}
	}
	for _, p := range everything(t) {
		for _, name := range ours {
			for key := range p.Services[name].Environment {
				if !known[key] {
					t.Errorf("%s: there is no setting %s", name, key)
				}
			}
		}
	}
}

// TestBasePathReachesTheInstances: docs/wallet-server.md tells operators to set it for the stack.
func TestBasePathReachesTheInstances(t *testing.T) {
	t.Parallel()
	signal := project(t, development, []string{"BASE_PATH=/signal"}).Services["signal"]
	if got := setting(t, signal, "BASE_PATH"); got != "/signal" {
		t.Errorf("BASE_PATH is %q in the instances", got)
	}
}

func TestMountedFilesExist(t *testing.T) {
	t.Parallel()
	for _, p := range everything(t) {
		for name, s := range p.Services {
			for _, v := range s.Volumes {
				if v.Type != types.VolumeTypeBind {
					continue
				}
				if _, err := os.Stat(v.Source); err != nil && v.Source != "/tls" { // of the test's own making
					t.Errorf("%s: %v", name, err)
				}
				if !v.ReadOnly {
					t.Errorf("%s may write %s", name, v.Source)
				}
			}
		}
	}
}

// TestOnlyOneWritesTheSecret: one service writes it, others only read it.
func TestOnlyOneWritesTheSecret(t *testing.T) {
	t.Parallel()
	for name, s := range everything(t)[0].Services {
		for _, v := range s.Volumes {
			if v.Source != "secret" {
				continue
			}
			if _, waits := s.DependsOn["secret"]; name != "secret" && (!v.ReadOnly || !waits) {
				t.Errorf("%s may write the secret, or does not wait for it", name)
			}
		}
	}
}

// TestThereIsTimeToDrain: a stopping service has longer than its drain takes.
func TestThereIsTimeToDrain(t *testing.T) {
	t.Parallel()
	for _, p := range everything(t) {
		for _, name := range ours {
			s := p.Services[name]
			drain, err := time.ParseDuration(setting(t, s, "DRAIN_TIMEOUT"))
			if err != nil {
				t.Fatal(err)
			}
			if s.StopGracePeriod == nil || time.Duration(*s.StopGracePeriod) <= drain {
				t.Errorf("%s is killed after %v, and drains for %s", name, s.StopGracePeriod, drain)
			}
		}
	}
}
