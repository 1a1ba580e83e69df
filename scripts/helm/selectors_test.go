package helm_test

import (
	"maps"
	"strings"
	"testing"
)

type labels = map[string]any

// chosen counts the labelled things that a selector chooses.
func chosen(selector any, things []labels) (n int) {
	want, _ := selector.(labels)
	for _, have := range things {
		all := len(want) > 0
		for k, v := range want {
			all = all && have[k] == v
		}
		if all {
			n++
		}
	}
	return n
}

// TestSelectorsChooseOne: what is chosen by labels is there, once: pods of Services, budgets and policies, Services of the monitor. A
// selector that is wrong is no error to Kubernetes; nothing comes through.
func TestSelectorsChooseOne(t *testing.T) {
	selectors := 0
	for name, text := range examples(t) {
		m := with(t, text)
		var pods, services []labels
		for key, d := range m {
			own, _ := at(d, "metadata", "labels").(labels)
			if strings.HasPrefix(key, "Pod/") {
				pods = append(pods, own)
			}
			if strings.HasPrefix(key, "Service/") {
				services = append(services, own)
			}
			if inner, ok := at(d, "spec", "template", "metadata", "labels").(labels); ok {
				pods = append(pods, maps.Clone(inner))
			}
		}
		want := func(key string, selector any, things []labels) {
			t.Helper()
			selectors++
			if n := chosen(selector, things); n != 1 {
				t.Errorf("%s: %s: %v chooses %d", name, key, selector, n)
			}
		}
		for key, d := range m {
			switch kind, _, _ := strings.Cut(key, "/"); kind {
			case "Service":
				want(key, at(d, "spec", "selector"), pods)
			case "PodDisruptionBudget", "Deployment", "StatefulSet", "DaemonSet":
				want(key, at(d, "spec", "selector", "matchLabels"), pods)
			case "ServiceMonitor":
				want(key, at(d, "spec", "selector", "matchLabels"), services)
			case "NetworkPolicy":
				want(key, at(d, "spec", "podSelector", "matchLabels"), pods)
				rules, _ := at(d, "spec", "ingress").([]any)
				for _, rule := range rules {
					from, _ := at(rule, "from").([]any)
					for _, peer := range from {
						if s := at(peer, "podSelector", "matchLabels"); s != nil && at(peer, "namespaceSelector") == nil {
							want(key, s, pods)
						}
					}
				}
			}
		}
	}
	if selectors < 40 {
		t.Errorf("only %d selectors", selectors)
	}
}
