package docs_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	aLink     = regexp.MustCompile(`\]\(([^()\s]+)\)|\b(?:src|href)="([^"]+)"`)
	aSpan     = regexp.MustCompile("`[^`]*`")
	aHeading  = regexp.MustCompile(`^#{1,6} +(.*?)\s*$`)
	anAnchor  = regexp.MustCompile(`<a id="([^"]+)">`)
	linkText  = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	notInSlug = regexp.MustCompile(`[^\p{L}\p{M}\p{N}\p{Pc}\- ]`)
	absolute  = regexp.MustCompile(`^(?:[a-z]+:|//)`)
)

// TestEveryLinkLeadsSomewhere: relative links of all pages, to files and to headings, as GitHub and the site understand them.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	t.Parallel()
	anchors := map[string]map[string]bool{}
	all := pages(t)
	for _, p := range all {
		anchors[p.path] = p.anchors()
	}
	links := 0
	for _, p := range all {
		for i, line := range p.prose {
			for _, m := range aLink.FindAllStringSubmatch(aSpan.ReplaceAllString(line, "``"), -1) {
				link := m[1] + m[2]
				if absolute.MatchString(link) {
					continue
				}
				links++
				if why := follow(p.path, link, anchors); why != "" {
					t.Errorf("%s:%d: %s %s", p.path, i+1, link, why)
				}
			}
		}
	}
	if links < 50 {
		t.Errorf("only %d links", links)
	}
}

// TestEveryPageIsOnTheSite: pages of docs/ are found from its sidebar, runbooks as a whole.
func TestEveryPageIsOnTheSite(t *testing.T) {
	t.Parallel()
	sidebar := content(t, "docs/.vitepress/pages.mjs")
	for _, p := range pages(t) {
		inDocs := path.Dir(p.path) == "docs" && p.path != "docs/index.md"
		if inDocs && !strings.Contains(sidebar, "'"+p.path+"'") {
			t.Errorf("%s is not in the sidebar", p.path)
		}
	}
}

// follow returns what is wrong with a link of a page, "" if nothing is.
func follow(from, link string, anchors map[string]map[string]bool) string {
	file, fragment, _ := strings.Cut(link, "#")
	to := from
	if file != "" {
		to = path.Join(path.Dir(from), file)
	}
	if _, err := os.Stat(filepath.Join(root, to)); err != nil {
		return "leads nowhere"
	}
	if fragment != "" && !anchors[to][fragment] {
		return "has no such heading"
	}
	return ""
}

// anchors are the names that links may have behind #.
func (p page) anchors() map[string]bool {
	names := map[string]bool{}
	for _, line := range p.prose {
		for _, a := range anAnchor.FindAllStringSubmatch(line, -1) {
			names[a[1]] = true
		}
		if h := aHeading.FindStringSubmatch(line); h != nil {
			name := slug(h[1])
			for n := 1; names[name]; n++ {
				name = slug(h[1]) + "-" + strconv.Itoa(n)
			}
			names[name] = true
		}
	}
	return names
}

// slug is the anchor of a heading, by GitHub's rule, which docs/.vitepress/links.mjs follows.
func slug(heading string) string {
	text := linkText.ReplaceAllString(heading, "$1")
	return strings.ReplaceAll(notInSlug.ReplaceAllString(strings.ToLower(text), ""), " ", "-")
}
