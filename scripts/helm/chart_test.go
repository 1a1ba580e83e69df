package helm_test

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yannh/kubeconform/pkg/validator"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"sigs.k8s.io/yaml"
)

const directory = "../../deploy/helm/rejoin"

// manifests are rendered documents, by "Kind/name".
type manifests map[string]map[string]any

func load(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.Load(directory)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// render is what `helm template signal deploy/helm/rejoin --namespace rejoin` prints with these values, file by file.
func render(t *testing.T, values map[string]any) (map[string]string, error) {
	t.Helper()
	c := load(t)
	release := chartutil.ReleaseOptions{Name: "signal", Namespace: "rejoin", Revision: 1, IsInstall: true}
	capabilities := chartutil.DefaultCapabilities.Copy()
	capabilities.KubeVersion = chartutil.KubeVersion{Version: kubernetes.version, Major: "1", Minor: strings.Split(kubernetes.version, ".")[1]}
	all, err := chartutil.ToRenderValues(c, values, release, capabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, all)
}

// with renders values that are good, as documents.
func with(t *testing.T, text string) manifests {
	t.Helper()
	files, err := render(t, values(t, text))
	if err != nil {
		t.Fatal(err)
	}
	all := manifests{}
	for name, text := range files {
		if filepath.Ext(name) != ".yaml" {
			continue
		}
		for _, document := range strings.Split("\n"+text, "\n---\n") {
			var m map[string]any
			if err := yaml.UnmarshalStrict([]byte(document), &m); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, document)
			}
			if m == nil {
				continue
			}
			key := at(m, "kind").(string) + "/" + at(m, "metadata", "name").(string)
			if all[key] != nil {
				t.Fatalf("%s is made twice", key)
			}
			all[key] = m
		}
	}
	return all
}

func values(t *testing.T, text string) map[string]any {
	t.Helper()
	v := map[string]any{}
	if err := yaml.UnmarshalStrict([]byte(text), &v); err != nil {
		t.Fatalf("values of the test: %v\n%s", err, text)
	}
	return v
}

// at follows a path into a document: names of fields, and indices. It returns nil where there is nothing.
func at(v any, path ...any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[s]
		case int:
			l, _ := v.([]any)
			if s >= len(l) {
				return nil
			}
			v = l[s]
		}
	}
	return v
}

// examples are the value files of the chart, by name. ct and others read them by the same pattern.
func examples(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(directory + "/ci/*-values.yaml")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d value files, %v", len(files), err)
	}
	all := map[string]string{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(f), "-values.yaml")] = string(text)
	}
	return all
}

// TestLint: what `helm lint` says, warnings included.
func TestLint(t *testing.T) {
	for name, text := range examples(t) {
		for _, m := range lint.All(directory, values(t, text), "rejoin", false).Messages {
			if m.Severity > support.InfoSev {
				t.Errorf("%s: %s", name, m)
			}
		}
	}
}

// TestKubernetesTakesIt: every document fits the schema of its kind, and no field is one that Kubernetes would drop.
func TestKubernetesTakesIt(t *testing.T) {
	check, err := validator.New([]string{schemas(t)}, validator.Opts{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for name, text := range examples(t) {
		for file, text := range files(t, text) {
			for _, r := range check.Validate(file, io.NopCloser(strings.NewReader(text))) {
				if r.Status != validator.Valid && r.Status != validator.Empty {
					t.Errorf("%s: %s: %v", name, file, r.Err)
				}
				if sig, err := r.Resource.Signature(); err == nil && r.Status == validator.Valid {
					kinds[sig.Kind] = true
				}
			}
		}
	}
	// What no value file makes is not proven.
	for _, kind := range append([]string{"HTTPRoute", "ServiceMonitor", "PrometheusRule"}, builtIn...) {
		if !kinds[kind] {
			t.Errorf("no value file makes a %s", kind)
		}
	}
}

// files are the rendered manifests, without the notes.
func files(t *testing.T, text string) map[string]string {
	t.Helper()
	all, err := render(t, values(t, text))
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(all, func(name, _ string) bool { return filepath.Ext(name) != ".yaml" })
	return all
}

// TestTheSchemasRefuse: the schemas that the chart is held against are not empty ones.
func TestTheSchemasRefuse(t *testing.T) {
	check, err := validator.New([]string{schemas(t)}, validator.Opts{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"a misspelt field":      "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {port: []}",
		"a wrong type":          "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: many, selector: {}, template: {}}",
		"a missing field":       "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: 1}",
		"an old version":        "apiVersion: autoscaling/v2beta2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}",
		"a misspelt route":      "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: a}\nspec: {parents: []}",
		"a value of an enum":    "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: a}\nspec: {rules: [{matches: [{path: {type: Prefix}}]}]}",
		"a rule without a name": "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: a}\nspec: {groups: [{rules: []}]}",
	} {
		for _, r := range check.Validate(what, io.NopCloser(strings.NewReader(text))) {
			if r.Status == validator.Valid {
				t.Errorf("%s is taken", what)
			}
		}
	}
}

// names are all kinds and names, sorted: what to say when something is not there.
func (m manifests) names() string { return strings.Join(slices.Sorted(maps.Keys(m)), " ") }

// must returns a document that has to be there.
func (m manifests) must(t *testing.T, key string) map[string]any {
	t.Helper()
	if m[key] == nil {
		t.Fatalf("no %s: %s", key, m.names())
	}
	return m[key]
}
