package admin_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// spec is docs/openapi.yaml, and what of it has been seen.
type spec struct {
	doc      map[string]any
	compiler *jsonschema.Compiler
	seen     map[string]bool // "<method> <path> <status>"
}

const specURL = "https://rejoin.example/openapi.json"

func readSpec(t *testing.T) *spec {
	t.Helper()
	text, err := os.ReadFile("../../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var parsed any
	if err := yaml.Unmarshal(text, &parsed); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(parsed)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	s := &spec{doc: doc.(map[string]any), compiler: jsonschema.NewCompiler(), seen: map[string]bool{}}
	s.compiler.AssertFormat()
	if err := s.compiler.AddResource(specURL, doc); err != nil {
		t.Fatal(err)
	}
	return s
}

// at follows keys, and references on the way. It returns nil where there is nothing.
func (s *spec) at(node any, keys ...string) any {
	for _, key := range append(keys, "") {
		m, _ := node.(map[string]any)
		if ref, ok := m["$ref"].(string); ok {
			node = s.at(s.doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
			m, _ = node.(map[string]any)
		}
		if key == "" {
			return node
		}
		node = m[key]
	}
	return nil
}

// documented lists "<method> <path> <status>".
func (s *spec) documented() (all []string) {
	paths, _ := s.at(s.doc, "paths").(map[string]any)
	for path, item := range paths {
		for method := range item.(map[string]any) {
			statuses, _ := s.at(item, method, "responses").(map[string]any)
			for status := range statuses {
				all = append(all, strings.ToUpper(method)+" "+path+" "+status)
			}
		}
	}
	return all
}

// pathOf returns the documented path that a request was for, "" for none.
func (s *spec) pathOf(path string) string {
	paths, _ := s.at(s.doc, "paths").(map[string]any)
	for p := range paths {
		if regexp.MustCompile(`^` + regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(regexp.QuoteMeta(p), `[^/]*`) + `$`).MatchString(path) {
			return p
		}
	}
	return ""
}

// schema compiles the schema of JSON content, which is named.
func (s *spec) schema(t *testing.T, content any) *jsonschema.Schema {
	t.Helper()
	m, _ := s.at(content, "content", "application/json").(map[string]any)
	named, _ := m["schema"].(map[string]any)
	ref, _ := named["$ref"].(string)
	compiled, err := s.compiler.Compile(specURL + ref)
	if ref == "" || err != nil {
		t.Fatalf("schema %q: %v", ref, err)
	}
	return compiled
}

func valid(schema *jsonschema.Schema, body []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return schema.Validate(v)
}

// check compares an exchange with what is documented: its status has to be, and its bodies have to be as the schemas say. A request whose body
// the schema refuses has to be refused.
func (s *spec) check(t *testing.T, req *http.Request, sent []byte, res *http.Response, got []byte) {
	t.Helper()
	path, status := s.pathOf(req.URL.Path), res.Status[:3]
	name := req.Method + " " + path + " " + status
	operation := s.at(s.doc, "paths", path, strings.ToLower(req.Method))
	response := s.at(operation, "responses", status)
	if response == nil {
		t.Errorf("%s is not documented (%s): %s", name, req.URL.Path, got)
		return
	}
	s.seen[name] = true
	if request := s.at(operation, "requestBody"); request != nil && status < "400" {
		if err := valid(s.schema(t, request), sent); err != nil {
			t.Errorf("%s was taken though the schema refuses %s: %v", name, sent, err)
		}
	}
	headers, _ := s.at(response, "headers").(map[string]any)
	for header := range headers {
		if res.Header.Get(header) == "" {
			t.Errorf("%s has no %s", name, header)
		}
	}
	if s.at(response, "content") == nil {
		if len(got) > 0 {
			t.Errorf("%s has a body: %s", name, got)
		}
		return
	}
	if kind := res.Header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("%s is %q", name, kind)
	}
	if err := valid(s.schema(t, response), got); err != nil {
		t.Errorf("%s: %s: %v", name, got, err)
	}
}
