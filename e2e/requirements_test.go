package e2e_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryRequirementIsProven: each row of docs/requirements.md that is not for later has a test that carries its number.
func TestEveryRequirementIsProven(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile("../docs/requirements.md")
	if err != nil {
		t.Fatal(err)
	}
	carried := map[string]bool{}
	number := regexp.MustCompile(`\bR\d+\b`)
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "requirements_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for line := range strings.Lines(string(text)) {
			if i := strings.Index(line, "//"); i >= 0 {
				for _, n := range number.FindAllString(line[i:], -1) {
					carried[n] = true
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (R\d+) \|.*$`).FindAllStringSubmatch(string(list), -1)
	if len(rows) != 35 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		if !carried[row[1]] && !strings.HasSuffix(row[0], "| *later* |") {
			t.Errorf("no test carries %s", row[1])
		}
	}
}
