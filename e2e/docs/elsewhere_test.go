package docs_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// elsewhere is a command that a script runs, because it takes minutes, an engine or a machine of its own.
type elsewhere struct {
	command string
	proofs  []proof
}

// proof: the file holds that text.
type proof struct{ file, text string }

func runElsewhere() []elsewhere {
	return []elsewhere{
		{"./scripts/test", []proof{{".ci/run", "scripts/test"}}},
	}
}

// TestEveryCommandIsRun: each command line of the documentation is typed by a play or run elsewhere, and nothing is listed
// that no page has.
func TestEveryCommandIsRun(t *testing.T) {
	t.Parallel()
	listed := map[string]string{}
	for _, p := range plays() {
		for _, c := range p.commands {
			listed[c] = "the play " + p.name
		}
	}
	for _, e := range runElsewhere() {
		listed[e.command] = "runElsewhere"
		for _, p := range e.proofs {
			text, err := os.ReadFile(filepath.Join(root, p.file))
			if err != nil {
				t.Errorf("%s: %v", e.command, err)
			} else if !strings.Contains(string(text), p.text) {
				t.Errorf("%s: %s does not hold %q", e.command, p.file, p.text)
			}
		}
	}
	onPages := commands(t)
	for _, c := range slices.Sorted(maps.Keys(onPages)) {
		if listed[c] == "" {
			t.Errorf("%s: nobody runs %s", onPages[c], c)
		}
	}
	for _, c := range slices.Sorted(maps.Keys(listed)) {
		if onPages[c] == "" {
			t.Errorf("%s has what no page has: %s", listed[c], c)
		}
	}
}
