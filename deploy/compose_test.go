package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// service is what is looked at of a service in a compose file.
type service struct {
	Image       string
	Build       map[string]any
	Environment map[string]string
	Volumes     []string
	Ports       []string
	Networks    []string
	NetworkMode string   `yaml:"network_mode"`
	ReadOnly    bool     `yaml:"read_only"`
	CapDrop     []string `yaml:"cap_drop"`
	SecurityOpt []string `yaml:"security_opt"`
	MemLimit    string   `yaml:"mem_limit"`
	StopGrace   string   `yaml:"stop_grace_period"`
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func services(t *testing.T) map[string]service {
	t.Helper()
	var file struct{ Services map[string]service }
	if err := yaml.Unmarshal([]byte(read(t, "docker-compose.yml")), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Services) < 7 {
		t.Fatalf("%d services", len(file.Services))
	}
	return file.Services
}

func TestEveryContainerIsConfined(t *testing.T) {
	t.Parallel()
	for name, s := range services(t) {
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.MemLimit == "" {
			t.Errorf("%s: read-only %v, capabilities dropped %v, %v, memory %q", name, s.ReadOnly, s.CapDrop, s.SecurityOpt, s.MemLimit)
		}
	}
}

func TestImagesArePinned(t *testing.T) {
	t.Parallel()
	version := regexp.MustCompile(`:v?\d+\.\d+\.\d+(-[a-z0-9]+)?$`)
	for name, s := range services(t) {
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

// TestOnlyTheBalancerIsPublic: others are published to this machine at most, and Valkey and the instances not at all.
func TestOnlyTheBalancerIsPublic(t *testing.T) {
	t.Parallel()
	for name, s := range services(t) {
		for _, port := range s.Ports {
			if name != "balancer" && !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s is published: %s", name, port)
			}
		}
		if name == "valkey" || name == "signal" || name == "iceservers" {
			if len(s.Ports) > 0 || !slices.Equal(s.Networks, []string{"inside"}) {
				t.Errorf("%s: ports %v, networks %v", name, s.Ports, s.Networks)
			}
		}
	}
	if !strings.Contains(read(t, "docker-compose.yml"), "inside: {internal: true}") {
		t.Error("the network inside has a way out")
	}
}

// TestNoSecret: what is called one is a file or comes from the environment, and nothing looks like one.
func TestNoSecret(t *testing.T) {
	t.Parallel()
	for name, s := range services(t) {
		for key, value := range s.Environment {
			secret := regexp.MustCompile(`SECRET|PASSWORD|TOKEN`).MatchString(key) && !strings.HasSuffix(key, "_FILE") && value != "true"
			if secret && !strings.HasPrefix(value, "${") {
				t.Errorf("%s: %s is set in the file", name, key)
			}
		}
	}
	for _, path := range []string{"docker-compose.yml", "Dockerfile", "deploy/compose.prod.yml"} {
		if found := regexp.MustCompile(`[A-Za-z0-9+/]{28,}`).FindAllString(read(t, path), -1); len(found) > 0 {
			for _, word := range found {
				if strings.Count(word, "/") < 2 { // a path is none
					t.Errorf("%s: %q looks like a secret", path, word)
				}
			}
		}
	}
}

// TestSettingsAreKnown: a misspelt setting would be ignored silently.
func TestSettingsAreKnown(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	sources, err := filepath.Glob("../functions/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	shared, err := filepath.Glob("../functions/internal/settings/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(sources, shared...) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`env:"(\w+)`).FindAllStringSubmatch(string(text), -1) {
			known[m[1]] = true
		}
	}
	for _, name := range []string{"signal", "iceservers"} {
		for key := range services(t)[name].Environment {
			if !known[key] {
				t.Errorf("%s: there is no setting %s", name, key)
			}
		}
	}
}

func TestMountedFilesExist(t *testing.T) {
	t.Parallel()
	for name, s := range services(t) {
		for _, volume := range s.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			if !strings.HasPrefix(source, "./") {
				continue
			}
			if _, err := os.Stat(filepath.Join("..", source)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if !strings.HasSuffix(volume, ":ro") {
				t.Errorf("%s may write %s", name, source)
			}
		}
	}
}

// TestThereIsTimeToDrain: who is stopped has longer than it takes.
func TestThereIsTimeToDrain(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"signal", "iceservers"} {
		s := services(t)[name]
		drain, err := time.ParseDuration(s.Environment["DRAIN_TIMEOUT"])
		if err != nil {
			t.Fatal(err)
		}
		if grace, err := time.ParseDuration(s.StopGrace); err != nil || grace <= drain {
			t.Errorf("%s is killed after %s (%v), and drains for %s", name, s.StopGrace, err, drain)
		}
	}
}
