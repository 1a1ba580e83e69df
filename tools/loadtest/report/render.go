package report

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Render reads the results in a directory and writes report.md and the plots there.
func Render(dir string) error {
	files, err := Load(dir)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errors.New("no results (*.json) there")
	}
	drawn := drawings(files)
	for name, d := range drawn {
		if err := write(dir, name, d.svg); err != nil {
			return err
		}
	}
	return write(dir, "report.md", markdown(files, drawn))
}

func write(dir, name, text string) error {
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// markdown is the whole report.
func markdown(files []File, drawn map[string]drawing) string {
	var b strings.Builder
	b.WriteString("# Measurements\n\nWritten by `go run ./tools/loadtest report`. Costs are processor time, user and system, of all processes of a kind.\n")
	machines(&b, files)
	for _, scenario := range []string{"idle", "relay", "resume", "load", "storm", "jitter", "peerjs", "hostile", "start"} {
		section(&b, scenario, files)
	}
	processes(&b, files)
	for _, name := range sortedKeys(drawn) {
		if strings.HasSuffix(name, ".svg") {
			fmt.Fprintf(&b, "\n![%s](%s)\n", drawn[name].title, name)
		}
	}
	settings(&b, files)
	return b.String()
}

func sortedKeys(m map[string]drawing) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func machines(b *strings.Builder, files []File) {
	var seen []string
	for _, f := range files {
		line := fmt.Sprintf("- %s; %s, Redis %s, revision %s", f.Machine, f.Go, f.Redis, f.Revision)
		if !slices.Contains(seen, line) {
			seen = append(seen, line)
		}
	}
	fmt.Fprintf(b, "\n%s\n", strings.Join(seen, "\n"))
}

// section writes a table of one scenario: a row for each result, a column for each figure and percentile that any of them has.
func section(b *strings.Builder, scenario string, files []File) {
	var rows []row
	var columns []string
	for i := range files {
		for j := range files[i].Results {
			if files[i].Scenario == scenario {
				r := rowOf(&files[i], &files[i].Results[j])
				rows = append(rows, r)
				for _, c := range r.names {
					if !slices.Contains(columns, c) {
						columns = append(columns, c)
					}
				}
			}
		}
	}
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n| | %s | |\n|---|%s---|\n", scenario, strings.Join(columns, " | "), strings.Repeat("---:|", len(columns)))
	for i, r := range rows {
		fmt.Fprintf(b, "| %s [%d] |", r.subject, i+1)
		for _, c := range columns {
			fmt.Fprintf(b, " %s |", r.values[c])
		}
		fmt.Fprintf(b, " %s |\n", r.verdict)
	}
	b.WriteString("\n")
	for i, r := range rows {
		fmt.Fprintf(b, "%d. `%s`\n", i+1, r.command)
	}
}

type row struct {
	subject, command, verdict string
	names                     []string
	values                    map[string]string
}

func rowOf(f *File, r *Result) row {
	out := row{subject: r.kind(), command: f.Command, verdict: "clean", values: map[string]string{}}
	if !r.OK {
		out.verdict = "**" + strings.Join(r.Problems, ", ") + "**"
	}
	set := func(name, value string) {
		out.names = append(out.names, name)
		out.values[name] = value
	}
	for _, x := range r.Figures {
		name := spaced(x.Name)
		if x.Unit != "" && x.Unit != "1/s" {
			name += ", " + x.Unit
		}
		set(name, number(x.Value))
	}
	for _, name := range []string{LatUpgrade, LatFirstAnswer, LatNegotiation, LatOneWay, LatResume, LatAway} {
		if l := r.Latency(name); l != nil {
			set(name+" p50, ms", millis(l.P50))
			set(name+" p99, ms", millis(l.P99))
		}
	}
	return out
}

// processes lists what is constant however much load there is.
func processes(b *strings.Builder, files []File) {
	b.WriteString("\n## processes\n\n| scenario | subject | process | RSS MB | peak MB | descriptors | goroutines | Redis connections |\n" +
		"|---|---|---|---:|---:|---:|---:|---:|\n")
	for _, f := range files {
		for i := range f.Results {
			r := &f.Results[i]
			for _, p := range r.Processes {
				fmt.Fprintf(b, "| %s | %s | %s | %.1f | %.1f | %s | %s | %s |\n", f.Scenario, r.kind(), p.Name, float64(p.RSSBytes)/1e6,
					float64(p.PeakBytes)/1e6, strconv.Itoa(p.Descriptors), orDash(p.Goroutines), orDash(p.Connections))
			}
		}
	}
}

// settings lists what servers and Redis were told, once for all that were told the same.
func settings(b *strings.Builder, files []File) {
	b.WriteString("\n## settings\n\n")
	var seen []string
	for _, f := range files {
		for i := range f.Results {
			var told []string
			for _, s := range f.Results[i].Settings {
				if s.Name == "redis-server" || s.Name == strings.ToUpper(s.Name) {
					told = append(told, s.Name+"="+s.Value)
				}
			}
			line := fmt.Sprintf("- %s, %s: `%s`\n", f.Scenario, f.Results[i].Subject, strings.Join(told, " "))
			if !slices.Contains(seen, line) {
				seen = append(seen, line)
				b.WriteString(line)
			}
		}
	}
}
