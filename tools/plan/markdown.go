package main

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/rejoin-dev/rejoin/tools/plan/sizing"
)

// table is one in Markdown.
type table struct {
	head []string
	rows [][]string
}

func (t *table) row(plans []sizing.Plan, name string, cell func(*sizing.Plan) string) {
	cells := []string{name}
	for i := range plans {
		cells = append(cells, cell(&plans[i]))
	}
	t.rows = append(t.rows, cells)
}

func (t *table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(t.head, " | "), strings.Repeat("---|", len(t.head)))
	for _, r := range t.rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(r, " | "))
	}
	return b.String()
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return " (" + why + ")"
}

// commas writes a number without decimals, its thousands apart.
func commas(n float64) string {
	digits := fmt.Sprintf("%.0f", n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// digits writes an amount with a decimal when it is small.
func digits(n float64) string {
	if n >= 100 {
		return commas(n)
	}
	return fmt.Sprintf("%.1f", n)
}

// round keeps two digits.
func round(n float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(n))-1)
	return math.Round(n/unit) * unit
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// seconds writes a time with two digits.
func seconds(s float64) string {
	unit := "s"
	if s < 0.9995 {
		s, unit = s*1e3, "ms"
	}
	if s >= 10 || s == 0 {
		return fmt.Sprintf("%.0f %s", s, unit)
	}
	return fmt.Sprintf("%.1f %s", s, unit)
}

// sortLimits puts first what breaks first on the last platform, which has the largest instances.
func sortLimits(all []sizing.Limit) {
	sort.SliceStable(all, func(i, j int) bool {
		if (all[i].At == 0) != (all[j].At == 0) {
			return all[j].At == 0
		}
		return all[i].At < all[j].At
	})
}
