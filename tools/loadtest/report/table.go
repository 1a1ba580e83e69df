package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Print writes a run as tables for a terminal.
func (f *File) Print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(tw, "%s\n%s, %s, Redis %s, revision %s\n", f.Command, f.Machine, f.Go, f.Redis, f.Revision)
	for i := range f.Results {
		f.Results[i].print(tw)
	}
	for i := range f.Results {
		if i > 0 && f.Scenario != "jitter" && f.Results[0].Subject != f.Results[i].Subject {
			printRatios(tw, &f.Results[0], &f.Results[i])
		}
	}
	return tw.Flush()
}

func (r *Result) print(w io.Writer) {
	var settings []string
	for _, s := range r.Settings {
		settings = append(settings, s.Name+"="+s.Value)
	}
	fmt.Fprintf(w, "\n%s: %s\n", strings.ToUpper(r.Subject), strings.Join(settings, " · "))
	for _, f := range r.Figures {
		fmt.Fprintf(w, "  %s\t%s %s\n", spaced(f.Name), number(f.Value), f.Unit)
	}
	if len(r.Latencies) > 0 {
		fmt.Fprint(w, "\n  latency, ms\tp50\tp90\tp95\tp99\tp99.9\tmax\tcount\n")
	}
	for _, l := range r.Latencies {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", l.Name, millis(l.P50), millis(l.P90), millis(l.P95), millis(l.P99), millis(l.P999), millis(l.Max), l.Count)
	}
	if len(r.Processes) > 0 {
		fmt.Fprint(w, "\n  process\tCPU s\tRSS MB\tPSS MB\tpeak MB\tdescriptors\tgoroutines\tredis connections\n")
	}
	for _, p := range r.Processes {
		fmt.Fprintf(w, "  %s\t%.2f\t%.1f\t%.1f\t%.1f\t%d\t%s\t%s\n", p.Name, p.CPUSeconds, float64(p.RSSBytes)/1e6, float64(p.PSSBytes)/1e6,
			float64(p.PeakBytes)/1e6, p.Descriptors, orDash(p.Goroutines), orDash(p.Connections))
	}
	verdict := "nothing lost, duplicated, out of order or refused"
	if len(r.Problems) > 0 {
		verdict = strings.Join(r.Problems, ", ")
	}
	if !r.OK {
		verdict = "BAD: " + verdict
	}
	fmt.Fprintf(w, "\n  %s (sent %d, confirmed %d, received %d)\n", verdict, r.Tally.Sent, r.Tally.Confirmed, r.Tally.Received)
}

// printRatios compares two subjects of one run.
func printRatios(w io.Writer, a, b *Result) {
	fmt.Fprintf(w, "\n%s / %s\n", strings.ToUpper(a.Subject), strings.ToUpper(b.Subject))
	for _, name := range []string{FigRate, FigServerCPU, FigRedisCPU, "cpu_per_connect", "redis_cpu_per_connect", FigRSSPerConnection, FigIdleCPU} {
		x, ok1 := a.Get(name)
		y, ok2 := b.Get(name)
		if ok1 && ok2 && y > 0 {
			fmt.Fprintf(w, "  %s\t%.2f\n", spaced(name), x/y)
		}
	}
	for _, name := range []string{LatOneWay, LatWritten, LatConfirm} {
		if x, y := a.Latency(name), b.Latency(name); x != nil && y != nil && y.P50 > 0 && y.P99 > 0 {
			fmt.Fprintf(w, "  %s p50, p99\t%.2f, %.2f\n", name, x.P50/y.P50, x.P99/y.P99)
		}
	}
}

func spaced(name string) string { return strings.ReplaceAll(name, "_", " ") }

// number has three or four significant digits.
func number(v float64) string {
	switch {
	case v == float64(int64(v)) || v >= 1000 || v <= -1000:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 100 || v <= -100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// millis shows microseconds as milliseconds.
func millis(us float64) string { return strconv.FormatFloat(us/1e3, 'f', 3, 64) }

func orDash(n int) string {
	if n == 0 {
		return "–"
	}
	return strconv.Itoa(n)
}
