package deploy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// The files of the three ways to run the stack.
var (
	development = []string{"docker-compose.yml"}
	production  = []string{"docker-compose.yml", "deploy/compose.prod.yml"}
	acme        = []string{"docker-compose.yml", "deploy/compose.acme.yml"}
)

// project is what Compose makes of the files: validated, merged, with these variables and these profiles, nothing of
// the environment.
func project(t *testing.T, files, environ []string, profiles ...string) *types.Project {
	t.Helper()
	p, err := load(t, files, environ, profiles...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func load(t *testing.T, files, environ []string, profiles ...string) (*types.Project, error) {
	t.Helper()
	var paths []string
	for _, f := range files {
		paths = append(paths, filepath.Join("../..", f))
	}
	o, err := cli.NewProjectOptions(paths, cli.WithName("rejoin"), cli.WithEnv(environ), cli.WithProfiles(profiles))
	if err != nil {
		t.Fatal(err)
	}
	return o.LoadProject(t.Context())
}

// everything is all services, of production as well.
func everything(t *testing.T) []*types.Project {
	t.Helper()
	return []*types.Project{
		project(t, development, nil, "observe", "chaos"),
		project(t, production, []string{"TLS_DIR=/tls", "PORT=80"}, "observe", "chaos"),
		project(t, acme, []string{"DOMAIN=signal.example.com"}, "observe", "chaos"),
	}
}

// setting is a variable of a service.
func setting(t *testing.T, s types.ServiceConfig, name string) string {
	t.Helper()
	value := s.Environment[name]
	if value == nil {
		t.Fatalf("%s has no %s", s.Name, name)
	}
	return *value
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestProfiles: what starts when nothing is asked for, and what each profile adds to it.
func TestProfiles(t *testing.T) {
	t.Parallel()
	const always = "balancer coturn iceservers secret signal valkey"
	for profile, want := range map[string]string{
		"":        always,
		"observe": always + " grafana prometheus",
		"chaos":   always + " toxiproxy",
	} {
		p := project(t, development, nil, profile)
		for _, name := range strings.Fields(want) {
			if _, ok := p.Services[name]; !ok {
				t.Errorf("profile %q does not start %s", profile, name)
			}
		}
		if got := len(p.Services); got != len(strings.Fields(want)) {
			t.Errorf("profile %q starts %v, want %s", profile, p.ServiceNames(), want)
		}
	}
}

func TestTwoInstances(t *testing.T) {
	t.Parallel()
	for _, p := range everything(t) {
		if n := p.Services["signal"]; n.GetScale() != 2 {
			t.Errorf("%d instances", n.GetScale())
		}
	}
}

func TestProductionWantsCertificate(t *testing.T) {
	t.Parallel()
	if _, err := load(t, production, nil); err == nil || !strings.Contains(err.Error(), "TLS_DIR") {
		t.Errorf("without TLS_DIR: %v", err)
	}
}

func TestProduction(t *testing.T) {
	t.Parallel()
	p := project(t, production, []string{"TLS_DIR=/tls", "PORT=80"})
	s := p.Services["signal"]
	if setting(t, s, "DEMO") != "false" || setting(t, s, "MAX_CONNECTIONS_PER_ADDRESS") == "0" || setting(t, s, "NEW_CONNECTIONS_PER_ADDRESS") == "0" {
		t.Errorf("a demo, or no bounds: %v", s.Environment)
	}
	var published []string
	for _, port := range p.Services["balancer"].Ports {
		published = append(published, port.Published)
	}
	if got := strings.Join(published, " "); got != "80 443" && got != "443 80" {
		t.Errorf("published: %s", got)
	}
	for name, s := range p.Services {
		if want := "always"; name != "secret" && s.Restart != want {
			t.Errorf("%s starts again: %q, want %q", name, s.Restart, want)
		}
	}
}
