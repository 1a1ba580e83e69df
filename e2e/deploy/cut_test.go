package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCut gives a copy of what a release is cut from a version, the first and one after it: everything names it, the changelog with a
// date, no page says any more that nothing is released, and the first one's notes are what the changelog has of it.
func TestCut(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatalf("git is missing: %v", err)
	}
	for _, version := range []string{"0.1.0", "1.2.3-rc.1"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, file := range []string{
				"CHANGELOG.md", "README.md", "docs/releasing.md", "deploy/helm/rejoin/README.md", "deploy/helm/rejoin/Chart.yaml", "web/client/package.json",
				"web/client/package-lock.json", "e2e/docs/elsewhere_test.go", "scripts/release-cut", "scripts/release-versions", "scripts/release-notes",
			} {
				to := filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(to, []byte(read(t, file)), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			in := func(name string, args ...string) string {
				cmd := exec.CommandContext(t.Context(), name, args...)
				cmd.Dir = dir
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%s %v: %v\n%s", name, args, err, out)
				}
				return string(out)
			}
			in("git", "init", "--quiet")
			in("./scripts/release-cut", version) // which ends with release-versions
			readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"ghcr.io/rejoin-dev/signal:" + version + "`", "--version " + version + "`", "/client@v" + version + "`"} {
				if !strings.Contains(string(readme), want) {
					t.Errorf("the README has no %s", want)
				}
			}
			changelog, err := os.ReadFile(filepath.Join(dir, "CHANGELOG.md"))
			if err != nil {
				t.Fatal(err)
			}
			if !regexp.MustCompile(`(?m)^## \[Unreleased\]\n\n## \[` + regexp.QuoteMeta(version) + `\] - \d{4}-\d\d-\d\d\n`).Match(changelog) {
				t.Errorf("no heading with a date:\n%.300s", changelog)
			}
			if version != "0.1.0" { // nothing is in it yet
				return
			}
			if notes := in("./scripts/release-notes", version); !strings.Contains(notes, "\n### Upgrading\n") {
				t.Errorf("the notes have no part about upgrading:\n%.300s", notes)
			}
		})
	}
}
