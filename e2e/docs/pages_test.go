package docs_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is the repository, where readers are when they type.
const root = "../.."

// page is one Markdown file.
type page struct {
	path   string // in the repository
	blocks []block
	prose  []string // its lines, those of blocks left empty
}

// block is a fenced block.
type block struct {
	language string
	line     int // of its fence
	lines    []string
}

func (b block) text() string { return strings.Join(b.lines, "\n") + "\n" }

// pages reads all Markdown files but those of packages and of test data.
func pages(t *testing.T) (all []page) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(d.Name(), ".") && path != root
		switch {
		case err != nil:
			return err
		case d.IsDir() && (hidden || d.Name() == "node_modules" || d.Name() == "testdata"):
			return filepath.SkipDir
		case filepath.Ext(path) == ".md":
			text, err := os.ReadFile(path)
			all = append(all, parse(strings.TrimPrefix(filepath.ToSlash(path), root+"/"), string(text)))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("only %d pages", len(all))
	}
	return all
}

func parse(path, text string) page {
	p := page{path: path}
	open := false
	for i, line := range strings.Split(text, "\n") {
		language, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && !open:
			p.blocks = append(p.blocks, block{language: language, line: i + 1})
			open = true
		case fence:
			open = false
		case open:
			last := &p.blocks[len(p.blocks)-1]
			last.lines = append(last.lines, line)
		}
		if fence || open {
			line = ""
		}
		p.prose = append(p.prose, line)
	}
	return p
}

// commands maps each command line of the ```sh blocks to where it stands. Comments are left out, continued lines put together.
func commands(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.language != "sh" {
				continue
			}
			for line := range strings.Lines(strings.ReplaceAll(b.text(), "\\\n", " ")) {
				line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
				if line = strings.Join(strings.Fields(line), " "); line != "" && line[0] != '#' {
					all[line] = fmt.Sprintf("%s:%d", p.path, b.line)
				}
			}
		}
	}
	return all
}

// blocksOf returns the blocks of one page in that language.
func blocksOf(t *testing.T, path, language string) (list []block) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range parse(path, string(text)).blocks {
		if b.language == language {
			list = append(list, b)
		}
	}
	return list
}
