package helm_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// module is a Go module that is read for its files. It is no requirement in go.mod: nothing of it is imported, and Kubernetes' own
// requires versions that only its repository has.
type module struct{ path, version, sum string }

var (
	kubernetes = module{"k8s.io/kubernetes", "v1.37.2", "h1:A2VDEiObzkYqFTKhSsn0ZEb0RlLEXpHWj93gi2HqEwE="}
	gatewayAPI = module{"sigs.k8s.io/gateway-api", "v1.6.3", "h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc="}
	operator   = module{"github.com/prometheus-operator/prometheus-operator", "v0.85.0", "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="}
)

// directory downloads the module if it is not kept yet, checks its sum, and returns where it is.
func (m module) directory(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", m.path+"@"+m.version)
	cmd.Dir = t.TempDir()                      // outside of any module
	cmd.Env = append(os.Environ(), "GOFLAGS=") // what is meant for builds is no flag of this
	out, err := cmd.Output()
	var got struct{ Dir, Sum, Error string }
	if jsonErr := json.Unmarshal(out, &got); err != nil || jsonErr != nil {
		t.Fatalf("download %s@%s: %v %s", m.path, m.version, err, got.Error)
	}
	if got.Sum != m.sum {
		t.Fatalf("%s@%s: sum %s, want %s", m.path, m.version, got.Sum, m.sum)
	}
	return got.Dir
}

// schema is a JSON schema, or a part of one.
type schema = map[string]any

// builtIn are Kubernetes' own kinds that the chart makes. Another one has no schema until it stands here, and that is an error.
var builtIn = []string{
	"ConfigMap", "DaemonSet", "Deployment", "HorizontalPodAutoscaler", "Ingress", "NetworkPolicy", "Pod", "PodDisruptionBudget", "Secret", "Service",
	"ServiceAccount", "StatefulSet",
}

// schemas writes a JSON schema for every kind that the chart makes, strict: what they do not name is refused. It returns
// the template by which kubeconform finds them.
func schemas(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	writeKinds(t, dir, filepath.Join(kubernetes.directory(t), "api/openapi-spec/swagger.json"))
	for _, pattern := range []string{
		filepath.Join(gatewayAPI.directory(t), "config/crd/standard/*_httproutes.yaml"),
		filepath.Join(operator.directory(t), "example/prometheus-operator-crd/*_servicemonitors.yaml"),
		filepath.Join(operator.directory(t), "example/prometheus-operator-crd/*_prometheusrules.yaml"),
	} {
		writeCRD(t, dir, pattern)
	}
	return filepath.Join(dir, "{{.ResourceKind}}{{.KindSuffix}}.json")
}

// writeKinds does so for Kubernetes' own kinds.
func writeKinds(t *testing.T, dir, file string) {
	t.Helper()
	var spec struct{ Definitions map[string]schema }
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	for _, d := range spec.Definitions {
		tighten(d)
	}
	for name, d := range spec.Definitions {
		kinds, _ := d["x-kubernetes-group-version-kind"].([]any)
		if len(kinds) != 1 { // parts of others, and what every group has, like DeleteOptions
			continue
		}
		k := kinds[0].(schema)
		if !slices.Contains(builtIn, k["kind"].(string)) {
			continue
		}
		needed := map[string]schema{}
		collect(name, spec.Definitions, needed)
		write(t, dir, k["kind"].(string), k["group"].(string), k["version"].(string),
			schema{"$ref": "#/definitions/" + name, "definitions": needed})
	}
}

// collect adds a definition and all that it refers to.
func collect(name string, all, needed map[string]schema) {
	if _, done := needed[name]; done {
		return
	}
	needed[name] = all[name]
	walk(all[name], func(s schema) {
		if ref, ok := s["$ref"].(string); ok {
			collect(strings.TrimPrefix(ref, "#/definitions/"), all, needed)
		}
	})
}

// writeCRD does so for the kind of a CustomResourceDefinition.
func writeCRD(t *testing.T, dir, pattern string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) != 1 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Group    string
			Names    struct{ Kind string }
			Versions []struct {
				Name   string
				Schema struct{ OpenAPIV3Schema schema }
			}
		}
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	for _, v := range crd.Spec.Versions {
		root := v.Schema.OpenAPIV3Schema
		tighten(root)
		root["properties"].(schema)["metadata"] = schema{"type": "object"} // a CRD says nothing of it
		write(t, dir, crd.Spec.Names.Kind, crd.Spec.Group, v.Name, root)
	}
}

// tighten makes what OpenAPI means explicit: fields that are not named are refused, and quantities may be numbers.
func tighten(s schema) {
	walk(s, func(s schema) {
		_, named := s["properties"]
		_, others := s["additionalProperties"]
		if named && !others && s["x-kubernetes-preserve-unknown-fields"] != true {
			s["additionalProperties"] = false
		}
		description, _ := s["description"].(string)
		if s["format"] == "int-or-string" || s["x-kubernetes-int-or-string"] == true || strings.HasPrefix(description, "Quantity is a fixed-point") {
			delete(s, "format")
			s["type"] = []any{"string", "integer", "number"}
		}
	})
}

// walk visits a schema and those in it.
func walk(v any, visit func(schema)) {
	switch v := v.(type) {
	case schema:
		visit(v)
		for _, k := range slices.Sorted(maps.Keys(v)) {
			walk(v[k], visit)
		}
	case []any:
		for _, e := range v {
			walk(e, visit)
		}
	}
}

func write(t *testing.T, dir, kind, group, version string, s schema) {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.ToLower(kind)
	if group != "" {
		name += "-" + strings.Split(group, ".")[0] // as kubeconform's KindSuffix has it
	}
	if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%s.json", name, version)), text, 0o600); err != nil {
		t.Fatal(err)
	}
}
