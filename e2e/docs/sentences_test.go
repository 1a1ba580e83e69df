package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	inSpan      = regexp.MustCompile("`([^`]+)`")
	aTask       = regexp.MustCompile(`^task ([\w:-]+)`)
	aScript     = regexp.MustCompile(`^\./(scripts/[\w-]+)(?: ([a-z]+))?`)
	goRun       = regexp.MustCompile(`^(?:\w+=\S+ )*go run \./([\w/-]+)`)
	goTest      = regexp.MustCompile(`^(?:\w+=\S+ )*go test .*`)
	testPackage = regexp.MustCompile(` \./([\w/-]+)`)
	testName    = regexp.MustCompile(`-run[= ]'?(\w+)`)
	aTest       = regexp.MustCompile(`^(?:Test|Fuzz|Benchmark)[A-Z]\w*$`)
)

// TestCommandsInSentences: what pages name between two backticks is there: tasks, scripts and their steps, programs, tests.
func TestCommandsInSentences(t *testing.T) {
	t.Parallel()
	there := look(t)
	found := map[string]int{}
	for _, p := range pages(t) {
		for i, line := range p.prose {
			for _, span := range inSpan.FindAllStringSubmatch(line, -1) {
				kind, why := there.check(span[1])
				found[kind]++
				if why != "" {
					t.Errorf("%s:%d: `%s`: %s", p.path, i+1, span[1], why)
				}
			}
		}
	}
	for _, kind := range []string{"task", "script", "program", "tests", "test"} {
		if found[kind] == 0 {
			t.Errorf("no page names a %s", kind)
		}
	}
}

// inventory is what commands may name.
type inventory struct {
	tasks, steps string
	tests        string // of all packages
}

func look(t *testing.T) inventory {
	t.Helper()
	return inventory{tasks: content(t, "Taskfile.yml"), steps: content(t, "scripts/test"), tests: code(t, root)}
}

// check returns what kind of command text is, "" for none, and what is wrong with it.
func (v inventory) check(text string) (kind, why string) {
	if m := aTask.FindStringSubmatch(text); m != nil {
		return "task", missing(strings.Contains(v.tasks, "\n  "+m[1]+":\n"), "Taskfile.yml has no such task")
	}
	if m := aScript.FindStringSubmatch(text); m != nil {
		known := exists(m[1]) && (m[1] != "scripts/test" || m[2] == "" || strings.Contains(v.steps, "\nstep_"+m[2]+"()"))
		return "script", missing(known, "there is no such script, or it has no such step")
	}
	if m := goRun.FindStringSubmatch(text); m != nil {
		main, _ := filepath.Glob(filepath.Join(root, m[1], "main.go"))
		return "program", missing(len(main) == 1, "there is no such program")
	}
	if goTest.MatchString(text) {
		return "tests", missing(v.runs(text), "there is no such package, or no such test in it")
	}
	if aTest.MatchString(text) {
		return "test", missing(strings.Contains(v.tests, "\nfunc "+text+"("), "there is no such test")
	}
	return "", ""
}

// runs reports whether a go test command finds its package, and a test that its -run begins with.
func (v inventory) runs(command string) bool {
	if command == "go test ./..." || command == "go test work" { // the server, and all modules of go.work
		return exists("go.work")
	}
	dir := testPackage.FindStringSubmatch(command)
	if dir == nil || !exists(dir[1]) {
		return false
	}
	name := testName.FindStringSubmatch(command)
	return name == nil || strings.Contains(v.tests, "\nfunc "+name[1])
}

func missing(there bool, why string) string {
	if there {
		return ""
	}
	return why
}

func exists(path string) bool {
	_, err := os.Stat(filepath.Join(root, path))
	return err == nil
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// code returns all test files below a directory.
func code(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "node_modules" {
			return filepath.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
