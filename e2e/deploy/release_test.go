package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// workflow is what the tests read of one.
type workflow struct {
	Permissions any
	Jobs        map[string]struct {
		Permissions any
		Timeout     int `yaml:"timeout-minutes"`
		Uses        string
		Steps       []struct {
			Uses string
			Run  string
			With map[string]any
		}
	}
}

func workflows(t *testing.T) (all map[string]workflow) {
	t.Helper()
	files, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d workflows, %v", len(files), err)
	}
	all = map[string]workflow{}
	for _, f := range files {
		var w workflow
		if err := yaml.Unmarshal([]byte(read(t, strings.TrimPrefix(f, "../../"))), &w); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all[filepath.Base(f)] = w
	}
	return all
}

// TestActionsArePinned: by commit, with the version beside it for people and for dependabot. A tag can be moved.
func TestActionsArePinned(t *testing.T) {
	t.Parallel()
	used := regexp.MustCompile(`(?m)^ *(?:- )?uses: (\S+)(.*)$`)
	pinned := regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40}$`)
	versions := map[string]string{}
	for name := range workflows(t) {
		for _, m := range used.FindAllStringSubmatch(read(t, ".github/workflows/"+name), -1) {
			if strings.HasPrefix(m[1], "./") {
				continue
			}
			if !pinned.MatchString(m[1]) || !regexp.MustCompile(`^ # v\d+\.\d+\.\d+$`).MatchString(m[2]) {
				t.Errorf("%s: %s%s is not pinned by commit, or names no version", name, m[1], m[2])
			}
			action, _, _ := strings.Cut(m[1], "@")
			if other := versions[action]; other != "" && other != m[1] {
				t.Errorf("%s: %s here, %s elsewhere", name, m[1], other)
			}
			versions[action] = m[1]
		}
	}
}

// TestWorkflowsMayDoLittle: nothing is granted to a whole workflow but reading, what writes says so job by job, and every job ends.
func TestWorkflowsMayDoLittle(t *testing.T) {
	t.Parallel()
	writes := map[string]bool{"binaries": true, "image": true, "chart": true, "publish": true}
	for name, w := range workflows(t) {
		granted, ok := w.Permissions.(map[string]any)
		for scope, how := range granted {
			ok = ok && scope == "contents" && how == "read"
		}
		if !ok {
			t.Errorf("%s grants %v", name, w.Permissions)
		}
		for id, job := range w.Jobs {
			if job.Timeout == 0 && job.Uses == "" {
				t.Errorf("%s: %s may run for six hours", name, id)
			}
			own, _ := job.Permissions.(map[string]any)
			for scope, how := range own {
				if how == "write" && scope != "id-token" && (name != "release.yml" || !writes[id]) {
					t.Errorf("%s: %s may write %s", name, id, scope)
				}
			}
			for _, step := range job.Steps {
				if strings.HasPrefix(step.Uses, "actions/checkout@") && step.With["persist-credentials"] != (name == "release.yml" && id == "publish") {
					t.Errorf("%s: %s leaves its token in the clone", name, id)
				}
				if strings.Contains(step.Run, "${{") {
					t.Errorf("%s: %s puts an expression into a shell: %s", name, id, step.Run)
				}
			}
		}
	}
}

// TestWorkflowsCallWhatIsThere: scripts, folders and tasks.
func TestWorkflowsCallWhatIsThere(t *testing.T) {
	t.Parallel()
	called := regexp.MustCompile(`\./((?:scripts|\.ci|e2e|tools|internal|client|functions)/?[\w./-]*)`)
	task := regexp.MustCompile(`scripts/tool task (\S+)`)
	for name, w := range workflows(t) {
		for id, job := range w.Jobs {
			for _, step := range job.Steps {
				for _, m := range called.FindAllStringSubmatch(step.Run, -1) {
					if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
						t.Errorf("%s: %s: %v", name, id, err)
					}
				}
				for _, m := range task.FindAllStringSubmatch(step.Run, -1) {
					if _, err := os.Stat("../sim"); m[1] == "sim" && err != nil {
						continue // the simulation is not in this tree
					}
					if !strings.Contains(read(t, "Taskfile.yml"), "\n  "+m[1]+":\n") {
						t.Errorf("%s: %s: there is no task %s", name, id, m[1])
					}
				}
			}
		}
	}
}

// TestReleaseIsMadeOfWhatIsThere: GoReleaser checks the form of its file alone.
func TestReleaseIsMadeOfWhatIsThere(t *testing.T) {
	t.Parallel()
	var config struct {
		Builds   []struct{ ID, Main string }
		Archives []struct {
			IDs   []string
			Files []string
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, ".goreleaser.yaml")), &config); err != nil {
		t.Fatal(err)
	}
	packed := map[string]bool{}
	for _, a := range config.Archives {
		for _, id := range a.IDs {
			packed[id] = true
		}
		for _, f := range a.Files {
			read(t, f)
		}
	}
	for _, b := range config.Builds {
		if !strings.Contains(read(t, b.Main+"/main.go"), "package main") || !packed[b.ID] {
			t.Errorf("%s: no program, or in no archive", b.ID)
		}
	}
	if len(config.Builds) < 4 {
		t.Errorf("%d builds", len(config.Builds))
	}
}

// TestOneGoReleaser: what was tried here is what makes the release.
func TestOneGoReleaser(t *testing.T) {
	t.Parallel()
	tried := regexp.MustCompile(`goreleaser/goreleaser/v2 (v\S+)`).FindStringSubmatch(read(t, "scripts/release/go.mod"))
	if tried == nil {
		t.Fatal("scripts/release/go.mod has no GoReleaser")
	}
	found := 0
	for name, w := range workflows(t) {
		for _, job := range w.Jobs {
			for _, step := range job.Steps {
				if strings.HasPrefix(step.Uses, "goreleaser/") {
					found++
					if step.With["version"] != tried[1] {
						t.Errorf("%s: %v, in scripts/release %s", name, step.With["version"], tried[1])
					}
				}
			}
		}
	}
	if found < 2 {
		t.Errorf("GoReleaser runs %d times", found)
	}
}

// TestVersionsAgree: the chart and the npm package are those of one release.
func TestVersionsAgree(t *testing.T) {
	t.Parallel()
	const version = `(\d+\.\d+\.\d+[\w.-]*)`
	found := map[string]string{}
	for file, pattern := range map[string]string{
		"deploy/helm/rejoin/Chart.yaml": `(?m)^appVersion: ` + version + `$`,
		"web/client/package.json":       `(?m)^  "version": "` + version + `",$`,
	} {
		m := regexp.MustCompile(pattern).FindStringSubmatch(read(t, file))
		if m == nil {
			t.Fatalf("%s names no version", file)
		}
		found[m[1]] = file
	}
	if len(found) != 1 {
		t.Errorf("%v", found)
	}
}
