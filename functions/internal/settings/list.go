package settings

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"
)

// Setting is one variable. Default is empty if there is none.
type Setting struct {
	Name, Default, Help string

	field string
}

// List lists the settings of a struct or a pointer to one, in the order of its fields, with embedded structs in place.
func List(cfg any) []Setting {
	t := reflect.TypeOf(cfg)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var list []Setting
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("env"), ","); name != "" {
			list = append(list, Setting{Name: name, Default: f.Tag.Get("envDefault"), Help: f.Tag.Get("help"), field: f.Name})
		}
	}
	return list
}

// PrintUsage prints an introduction to the function and its settings.
func PrintUsage(w io.Writer, intro string, cfg any) {
	fmt.Fprintf(w, "%s\n\nFlags: -h prints this; -health checks a running instance that has the same settings. Everything else is an environment variable:\n\n", intro)
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "VARIABLE\tDEFAULT\tMEANING")
	for _, s := range List(cfg) {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", s.Name, s.Default, s.Help)
	}
	_ = tw.Flush()
}

// Markdown returns the settings as a Markdown table.
func Markdown(cfg any) string {
	var table strings.Builder
	table.WriteString("| variable | default | meaning |\n|---|---|---|\n")
	for _, s := range List(cfg) {
		standard := ""
		if s.Default != "" {
			standard = "`" + s.Default + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", s.Name, standard, s.Help)
	}
	return table.String()
}
