package helm_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write what the chart has from elsewhere: files, settings, the README's table")

// keep compares a file with what it has to hold, and with -update writes it.
func keep(t *testing.T, path string, want []byte) {
	t.Helper()
	got := read(t, path)
	if bytes.Equal(got, want) {
		return
	}
	if !*update {
		t.Errorf("%s is not what it is made from: task helm:update", strings.TrimPrefix(path, "../../"))
	} else if err := os.WriteFile(path, want, 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestTheFilesAreThoseOfTheRepository: a package holds what it needs, and Compose, Terraform and the chart run the same.
func TestTheFilesAreThoseOfTheRepository(t *testing.T) {
	for kept, source := range map[string]string{
		"turnserver.conf": "coturn/turnserver.conf", "valkey.conf": "valkey/valkey.conf", "rules.yml": "observe/rules/rejoin.yml",
	} {
		keep(t, directory+"/files/"+kept, read(t, "../../deploy/"+source))
	}
}

// notSettings are set by the chart itself, or are secrets.
var notSettings = regexp.MustCompile(`^(PORT|HTTP_PORT|HOST|INSTANCE_ID|REDIS_URL|DRAIN_TIMEOUT|TURN_.*|STUN_URLS|OTEL_EXPORTER_OTLP_HEADERS)$`)

// TestSettingsAreThoseOfTheServer: the schema knows every setting of functions/signal by its name, and what form its value has.
func TestSettingsAreThoseOfTheServer(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| (?:`(.*?)`)? \\| (.*) \\|$").FindAllSubmatch(read(t, "../../docs/settings.md"), -1)
	if len(rows) < 30 {
		t.Fatalf("%d settings in docs/settings.md", len(rows))
	}
	properties := map[string]any{}
	for _, row := range rows {
		if name := string(row[1]); !notSettings.MatchString(name) {
			properties[name] = form(string(row[2]), string(row[3]))
		}
	}
	var schema map[string]any
	path := directory + "/values.schema.json"
	if err := json.Unmarshal(read(t, path), &schema); err != nil {
		t.Fatal(err)
	}
	schema["definitions"] = map[string]any{"settings": map[string]any{"type": "object", "additionalProperties": false, "properties": properties}}
	keep(t, path, indented(t, schema))
}

// form is what a value looks like, by its default and its explanation.
func form(standard, help string) map[string]any {
	switch {
	case regexp.MustCompile(`^[0-9]+(ms|s|m|h)$`).MatchString(standard):
		return map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`, "description": help}
	case regexp.MustCompile(`^[0-9]+$`).MatchString(standard):
		return map[string]any{"type": []any{"integer", "string"}, "minimum": 0, "pattern": "^[0-9]+$", "description": help}
	case standard == "true" || standard == "false":
		return map[string]any{"type": []any{"boolean", "string"}, "pattern": "^(true|false)$", "description": help}
	}
	return map[string]any{"type": []any{"string", "number", "boolean"}, "description": help}
}

func indented(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestTheTableOfValues: README.md has every value with its default and what values.yaml says of it.
func TestTheTableOfValues(t *testing.T) {
	const begin, end = "<!-- values: written by `task helm:update` -->\n", "<!-- /values -->\n"
	path := directory + "/README.md"
	text := string(read(t, path))
	before, rest, ok := strings.Cut(text, begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s: no place for the table", path)
	}
	keep(t, path, []byte(before+begin+table(t)+end+after))
}

// table reads values.yaml line by line: a comment "# -- …" explains the key after it.
func table(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| value | default | |\n|---|---|---|\n")
	defaults := values(t, string(read(t, directory+"/values.yaml")))
	var path []string
	var help string
	explained := map[string]bool{}
	for _, line := range strings.Split(string(read(t, directory+"/values.yaml")), "\n") {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if comment, ok := strings.CutPrefix(strings.TrimSpace(line), "# -- "); ok {
			help = comment
			continue
		}
		key, _, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || strings.HasPrefix(key, "#") || indent/2 > len(path) || strings.HasPrefix(key, "-") {
			continue
		}
		path = append(path[:indent/2], key)
		if help == "" {
			continue
		}
		steps := make([]any, len(path))
		for i, s := range path {
			steps[i] = s
		}
		name := strings.Join(path, ".")
		explained[name] = true
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, shown(t, at(defaults, steps...)), strings.ReplaceAll(help, "|", `\|`))
		help = ""
	}
	for _, name := range leaves("", defaults) {
		if !slices.ContainsFunc(ancestors(name), func(a string) bool { return explained[a] }) {
			t.Errorf("values.yaml does not explain %s", name)
		}
	}
	return b.String()
}

func shown(t *testing.T, v any) string {
	t.Helper()
	if v == "" {
		return ""
	}
	text, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if s := strings.TrimSpace(string(text)); !strings.Contains(s, "\n") && !strings.Contains(s, ": ") {
		return "`" + s + "`"
	}
	text, err = json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return "`" + string(text) + "`"
}

// leaves are the paths of all values that are no objects, or empty ones.
func leaves(path string, v any) (all []string) {
	m, _ := v.(map[string]any)
	if len(m) == 0 {
		return []string{path}
	}
	for k, e := range m {
		all = append(all, leaves(strings.TrimPrefix(path+"."+k, "."), e)...)
	}
	slices.Sort(all)
	return all
}

// ancestors are a path and all that lead to it.
func ancestors(path string) (all []string) {
	for {
		all = append(all, path)
		i := strings.LastIndex(path, ".")
		if i < 0 {
			return all
		}
		path = path[:i]
	}
}

// TestTheSchemaKnowsEveryValue: what values.yaml has, the schema describes, and nothing else.
func TestTheSchemaKnowsEveryValue(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(read(t, directory+"/values.schema.json"), &schema); err != nil {
		t.Fatal(err)
	}
	var compare func(path string, schema, v any)
	compare = func(path string, schema, v any) {
		properties, closed := at(schema, "properties").(map[string]any)
		if !closed {
			return
		}
		have, _ := v.(map[string]any)
		for name, s := range properties {
			if _, ok := have[name]; !ok && path+name != "global" && !strings.HasPrefix(path, "gateway.") {
				t.Errorf("values.yaml has no %s%s", path, name)
			}
			compare(path+name+".", s, have[name])
		}
		for name := range have {
			if properties[name] == nil {
				t.Errorf("the schema has no %s%s", path, name)
			}
		}
	}
	compare("", schema, values(t, string(read(t, directory+"/values.yaml"))))
}
