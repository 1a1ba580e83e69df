package streams

import (
	"regexp"
	"slices"
	"strings"
)

// link puts the parts of a prelude that a script uses in front of it. Redis runs the whole text at every call, and defining unused
// functions of lua/lib.lua would take more instructions than many scripts.
//
// A prelude is a sequence of statements that begin at the start of a line; indented lines, and a line that begins with "end", belong to the
// statement above. A statement is kept if a name that it defines (local) is used further down, or if it defines none. Comment lines are
// left out.
func link(prelude, script string) string {
	script = withoutComments(script)
	used := map[string]bool{}
	use := func(text string) {
		for _, name := range luaName.FindAllString(text, -1) {
			used[name] = true
		}
	}
	use(script)
	kept := []string{script}
	for _, s := range slices.Backward(statements(prelude)) {
		names := madeBy(s)
		if names == nil || slices.ContainsFunc(names, func(name string) bool { return used[name] }) {
			kept = append(kept, s)
			use(s)
		}
	}
	slices.Reverse(kept)
	return strings.Join(kept, "")
}

var (
	luaName  = regexp.MustCompile(`[A-Za-z_][A-Za-z_0-9]*`)
	luaLocal = regexp.MustCompile(`^local (?:function ([A-Za-z_0-9]+)|([A-Za-z_0-9, ]+))`)
)

func withoutComments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimSpace(line), "--") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func statements(text string) (list []string) {
	for line := range strings.Lines(withoutComments(text)) {
		switch {
		case strings.TrimSpace(line) == "":
		case len(list) > 0 && (line[0] == ' ' || strings.HasPrefix(line, "end")):
			list[len(list)-1] += line
		default:
			list = append(list, line)
		}
	}
	return list
}

// madeBy returns the names that a statement defines, nil if none.
func madeBy(statement string) []string {
	m := luaLocal.FindStringSubmatch(statement)
	if m == nil {
		return nil
	}
	return luaName.FindAllString(m[1]+m[2], -1)
}
