package cloudformation

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// claims is cloudformation.json of a root: what it takes AWS to know.
type claims struct {
	Properties []claim `json:"properties"`
}

// claim: a property that the root sets in a file, and values that it gives it; none: the name is all that is compared. Text is how the
// file says it, where that is another way.
type claim struct {
	Of     string `json:"of"`
	Path   string `json:"path"`
	In     string `json:"in"`
	Values []any  `json:"values"`
	Text   string `json:"text"`
}

// metricLine is an alarm as a root writes it.
var metricLine = regexp.MustCompile(`space += "([^"]+)", +metric += "([^"]+)"`)

// notDescribed are namespaces that the description leaves out.
var notDescribed = map[string]bool{"ECS/ContainerInsights": true}

// Check compares a root with what AWS says, and counts what was compared. Every difference is reported.
func (s *Spec) Check(root string) (compared int, err error) {
	text, err := os.ReadFile(filepath.Join(root, "tests", "cloudformation.json"))
	if err != nil {
		return 0, fmt.Errorf("read what the root claims: %w", err)
	}
	var c claims
	if err := json.Unmarshal(text, &c); err != nil {
		return 0, fmt.Errorf("read what the root claims: %w", err)
	}
	var wrong []error
	for _, claim := range c.Properties {
		wrong = append(wrong, s.claimed(root, claim))
	}
	alarms, err := os.ReadFile(filepath.Join(root, "alarms.tf"))
	if err != nil {
		return 0, fmt.Errorf("read the alarms: %w", err)
	}
	metrics := metricLine.FindAllStringSubmatch(string(alarms), -1)
	for _, m := range metrics {
		if !s.metrics[m[1]+" "+m[2]] && !notDescribed[m[1]] {
			wrong = append(wrong, fmt.Errorf("alarms.tf: AWS knows no metric %s in %s", m[2], m[1]))
		}
	}
	return len(c.Properties) + len(metrics), errors.Join(wrong...)
}

// claimed compares a claim with the description, and with the file, which may have changed since.
func (s *Spec) claimed(root string, c claim) error {
	p, err := s.property(c.Of, c.Path)
	if err != nil {
		return fmt.Errorf("%s: %w", c.In, err)
	}
	text, err := os.ReadFile(filepath.Join(root, c.In))
	if err != nil {
		return fmt.Errorf("read the root: %w", err)
	}
	said := c.Values
	switch {
	case c.Text != "":
		said = []any{c.Text}
	case len(c.Values) == 0:
		name := c.Path[strings.LastIndex(c.Path, ".")+1:]
		said = []any{strings.ToLower(name[:1]) + name[1:]}
	}
	for _, v := range c.Values {
		if !p.takes(v) {
			return fmt.Errorf("%s: %s of %s is never %v", c.In, c.Path, c.Of, v)
		}
	}
	for _, v := range said {
		if !regexp.MustCompile(`\b` + regexp.QuoteMeta(fmt.Sprint(v)) + `\b`).Match(text) {
			return fmt.Errorf("%s does not say %v any more", c.In, v)
		}
	}
	return nil
}
