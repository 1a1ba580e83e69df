// Dashboardrules prints the queries of Grafana dashboards as Prometheus recording rules, so that promtool can check them.
//
//	go run ./e2e/dashboardrules deploy/observe/grafana/dashboards/*.json >rules.yml && promtool check rules rules.yml
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

type rule struct {
	Record string `json:"record"`
	Expr   string `json:"expr"`
}

func main() {
	rules := []rule{}
	for _, path := range os.Args[1:] {
		more, err := read(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		rules = append(rules, more...)
	}
	// JSON is YAML.
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
}

func read(path string) (rules []rule, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read dashboard: %w", err)
	}
	var d struct {
		Panels []struct {
			ID      int
			Targets []struct{ RefID, Expr string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("parse %s: %w", path, err)
	}
	variables := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*")
	for _, p := range d.Panels {
		for _, t := range p.Targets {
			rules = append(rules, rule{fmt.Sprintf("panel:%d:%s", p.ID, t.RefID), variables.Replace(t.Expr)})
		}
	}
	return rules, nil
}
