package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const observed = "../../deploy/observe/"

// scrape is what /metrics of the real server has: metric → series → label → value.
type scrape map[string][]map[string]string

var (
	seriesLine = regexp.MustCompile(`^(\w+)(?:\{(.*)\})? \S+$`)
	labelPair  = regexp.MustCompile(`(\w+)="([^"]*)"`)
)

func scraped(t *testing.T) scrape {
	t.Helper()
	text := exposed(t)
	s := scrape{"up": {{}}}
	for line := range strings.Lines(text) {
		m := seriesLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		labels := map[string]string{}
		for _, pair := range labelPair.FindAllStringSubmatch(m[2], -1) {
			labels[pair[1]] = pair[2]
		}
		s[m[1]] = append(s[m[1]], labels)
	}
	return s
}

// exposed is /metrics of the real server.
func exposed(t *testing.T) string {
	t.Helper()
	out, _ := start(t)
	code, text := get(t, "http://127.0.0.1:"+out.await(t, `http://localhost:(\d+)`)+"/metrics")
	if code != http.StatusOK {
		t.Fatalf("/metrics: %d", code)
	}
	return text
}

var (
	selector = regexp.MustCompile(`\b((?:rejoin|go|process)_\w+|up)\b(?:\{([^}]*)\})?`)
	matcher  = regexp.MustCompile(`(\w+)(=~|!~|!=|=)"([^"]*)"`)
	grouping = regexp.MustCompile(`\bby \(([^)]*)\)`)
	legend   = regexp.MustCompile(`\{\{\s*(?:\$labels\.)?(\w+)`)
)

// check reports what an expression names and the server has not, and labels of its text that none of its metrics has.
func (s scrape) check(t *testing.T, expr, text string) {
	t.Helper()
	known := []string{"instance", "job"} // given by Prometheus
	named := selector.FindAllStringSubmatch(expr, -1)
	if len(named) == 0 {
		t.Errorf("no metric in %s", expr)
	}
	for _, m := range named {
		if len(s[m[1]]) == 0 {
			t.Errorf("there is no metric %s: %s", m[1], expr)
			continue
		}
		for label := range s[m[1]][0] {
			known = append(known, label)
		}
		s.checkMatchers(t, m[1], m[2])
	}
	var used []string
	for _, by := range grouping.FindAllStringSubmatch(expr, -1) {
		used = append(used, regexp.MustCompile(`\w+`).FindAllString(by[1], -1)...)
	}
	for _, l := range legend.FindAllStringSubmatch(text, -1) {
		used = append(used, l[1])
	}
	for _, label := range used {
		if !slices.Contains(known, label) && label != "value" {
			t.Errorf("no metric has the label %s: %s, %s", label, expr, text)
		}
	}
}

func (s scrape) checkMatchers(t *testing.T, metric, matchers string) {
	t.Helper()
	for _, m := range matcher.FindAllStringSubmatch(matchers, -1) {
		label, op, want := m[1], m[2], m[3]
		if label == "instance" || label == "job" {
			continue
		}
		// Each alternative has to be there, also of what is left out: a typing error leaves out nothing.
		for _, one := range strings.Split(want, "|") {
			if !slices.ContainsFunc(s[metric], func(l map[string]string) bool { return l[label] == one }) {
				t.Errorf("%s has no %s%s%q", metric, label, op, one)
			}
		}
	}
}

type alert struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

func alerts(t *testing.T) (all []alert) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alert } }
	readYAML(t, observed+"rules/rejoin.yml", &file)
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("no alerts")
	}
	return all
}

func readYAML(t *testing.T, path string, v any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = yaml.Unmarshal(text, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestAlertsNameWhatExists: every metric, label and value of an alert is on /metrics of a server that has just started.
func TestAlertsNameWhatExists(t *testing.T) {
	t.Parallel()
	s := scraped(t)
	for _, a := range alerts(t) {
		s.check(t, a.Expr, a.Annotations["summary"])
	}
}

// TestDashboardNamesWhatExists is the same for the queries of the dashboard.
func TestDashboardNamesWhatExists(t *testing.T) {
	t.Parallel()
	s := scraped(t)
	text, err := os.ReadFile(observed + "grafana/dashboards/rejoin.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title, Type string
			Targets     []struct{ Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) == 0 {
		t.Fatal("no panels")
	}
	for _, p := range d.Panels {
		if len(p.Targets) == 0 && p.Type != "row" {
			t.Errorf("%s asks nothing", p.Title)
		}
		for _, q := range p.Targets {
			s.check(t, q.Expr, q.LegendFormat)
		}
	}
}

// TestAlertsHaveRunbooksAndTests: each alert says how bad it is, has a page and is shown to fire and not to; no page is without an alert.
func TestAlertsHaveRunbooksAndTests(t *testing.T) {
	t.Parallel()
	var tested struct {
		Tests []struct {
			Cases []struct {
				Name string `yaml:"alertname"`
				Exp  []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	readYAML(t, observed+"tests/rejoin.yml", &tested)
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, test := range tested.Tests {
		for _, c := range test.Cases {
			fires[c.Name] = fires[c.Name] || len(c.Exp) > 0
			quiet[c.Name] = quiet[c.Name] || len(c.Exp) == 0
		}
	}
	pages, _ := filepath.Glob("../../docs/runbooks/*.md")
	for _, a := range alerts(t) {
		page := "docs/runbooks/" + a.Alert + ".md"
		if a.Annotations["runbook"] != page || a.Annotations["summary"] == "" || !slices.Contains([]string{"critical", "warning"}, a.Labels["severity"]) {
			t.Errorf("%s: severity %q, runbook %q, summary %q", a.Alert, a.Labels["severity"], a.Annotations["runbook"], a.Annotations["summary"])
		}
		if text, err := os.ReadFile("../../" + page); err != nil || !strings.HasPrefix(string(text), "# "+a.Alert+"\n") {
			t.Errorf("%s has no page of its name (%v)", a.Alert, err)
		}
		if !fires[a.Alert] || !quiet[a.Alert] {
			t.Errorf("%s: tested to fire %v, not to fire %v", a.Alert, fires[a.Alert], quiet[a.Alert])
		}
		pages = slices.DeleteFunc(pages, func(p string) bool { return filepath.Base(p) == filepath.Base(page) })
	}
	if len(pages) > 0 {
		t.Errorf("pages without an alert: %v", pages)
	}
}
