package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const observing = "../../docs/observing.md"

// TestDocsListMetrics: the table in docs/observing.md is what /metrics says of itself.
func TestDocsListMetrics(t *testing.T) {
	t.Parallel()
	text, series := exposed(t), scraped(t)
	var table strings.Builder
	table.WriteString("| metric | type | labels | |\n|---|---|---|---|\n")
	for _, m := range regexp.MustCompile(`(?m)^# HELP (rejoin_\w+) (.*)\n# TYPE \w+ (\w+)$`).FindAllStringSubmatch(text, -1) {
		name, help, kind := m[1], m[2], m[3]
		labels := map[string]bool{}
		for _, s := range slices.Concat(series[name], series[name+"_count"]) {
			for label := range s {
				labels[label] = true
			}
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", name, kind, strings.Join(slices.Sorted(maps.Keys(labels)), ", "), help)
	}
	written(t, observing, "metrics", table.String())
}

// TestDocsListAlerts: the table of alerts is what the rules are.
func TestDocsListAlerts(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString("| alert | severity | |\n|---|---|---|\n")
	for _, a := range alerts(t) {
		summary := strings.ReplaceAll(a.Annotations["summary"], "$labels.", "")
		summary = regexp.MustCompile(`\{\{ *\$?(\w+)[^}]*\}\}`).ReplaceAllString(summary, "<$1>")
		fmt.Fprintf(&table, "| [%s](runbooks/%s.md) | %s | %s |\n", a.Alert, a.Alert, a.Labels["severity"], strings.NewReplacer("<", "*", ">", "*").Replace(summary))
	}
	written(t, observing, "alerts", table.String())
}
