package report

import (
	"fmt"
	"strconv"
	"strings"
)

// measurement is a row of the table that compares Rejoin with the others of the same run.
type measurement struct {
	what   string
	target float64
	more   bool // is better
	format func(float64) string
	unit   string
	file   string // without its ending
	value  func(*Result) (float64, bool)
}

func figure(name string, scale float64) func(*Result) (float64, bool) {
	return func(r *Result) (float64, bool) {
		v, ok := r.Get(name)
		return v * scale, ok
	}
}

func latency(name string, of func(*Latency) float64) func(*Result) (float64, bool) {
	return func(r *Result) (float64, bool) {
		if l := r.Latency(name); l != nil {
			return of(l) / 1e3, true
		}
		return 0, false
	}
}

func p50(l *Latency) float64 { return l.P50 }
func p99(l *Latency) float64 { return l.P99 }

func exactly(decimals int) func(float64) string {
	return func(v float64) string { return strconv.FormatFloat(v, 'f', decimals, 64) }
}

// serversMemory is the resident memory of all servers, MB.
func serversMemory(r *Result) (float64, bool) {
	sum := int64(0)
	for _, p := range r.Processes {
		if p.Name != "redis" {
			sum += p.RSSBytes
		}
	}
	return float64(sum) / 1e6, sum > 0
}

// measurements are the rows, with their targets.
func measurements() []measurement {
	one, two := exactly(1), exactly(2)
	whole := func(v float64) string { // and small ones with a digit behind the point
		if v < 10 {
			return one(v)
		}
		return thousands(v)
	}
	return []measurement{
		{"one-way latency at 300/s, p50", 0.5, false, two, "ms", "relay-300", latency(LatOneWay, p50)},
		{"… p99", 2, false, one, "ms", "relay-300", latency(LatOneWay, p99)},
		{"… at 3,000/s, p50", 0.6, false, two, "ms", "relay-3000", latency(LatOneWay, p50)},
		{"… p99", 12, false, one, "ms", "relay-3000", latency(LatOneWay, p99)},
		{"… at 12,000/s, p50", 2, false, two, "ms", "relay-12000", latency(LatOneWay, p50)},
		{"… p99", 40, false, one, "ms", "relay-12000", latency(LatOneWay, p99)},
		{"servers' CPU per message at 300/s", 300, false, whole, "µs", "relay-300", figure(FigServerCPU, 1)},
		{"… at 3,000/s", 90, false, whole, "µs", "relay-3000", figure(FigServerCPU, 1)},
		{"… at 12,000/s", 40, false, whole, "µs", "relay-12000", figure(FigServerCPU, 1)},
		{"… at saturation, one in flight", 20, false, whole, "µs", "relay-max", figure(FigServerCPU, 1)},
		{"… at saturation, `rejoin.v1`, four in flight", 20, false, whole, "µs", "relay-max-rejoin", figure(FigServerCPU, 1)},
		{"Redis' CPU per message at 300/s", 120, false, whole, "µs", "relay-300", figure(FigRedisCPU, 1)},
		{"… at 3,000/s", 35, false, whole, "µs", "relay-3000", figure(FigRedisCPU, 1)},
		{"… at 12,000/s", 18, false, whole, "µs", "relay-12000", figure(FigRedisCPU, 1)},
		{"… at saturation, one in flight", 13, false, whole, "µs", "relay-max", figure(FigRedisCPU, 1)},
		{"… at saturation, `rejoin.v1`, four in flight", 13, false, whole, "µs", "relay-max-rejoin", figure(FigRedisCPU, 1)},
		{"messages a second through two instances, plain, one in flight", 40_000, true, whole, "", "relay-max", figure(FigRate, 1)},
		{"… `rejoin.v1`, four in flight", 40_000, true, whole, "", "relay-max-rejoin", figure(FigRate, 1)},
		{"CPU per connect, 15,000 to one process", 45, false, whole, "µs", "idle-15000", figure("cpu_per_connect", 1)},
		{"connects a second", 12_000, true, whole, "", "idle-15000", figure("connects_per_second", 1)},
		{"process memory per idle connection", 1, false, two, "KB", "idle-15000", figure(FigRSSPerConnection, 1e-3)},
		{"… and the kernel's for its socket", 0, false, one, "KB", "idle-15000", figure(FigKernelPerConnection, 1e-3)},
		{"idle CPU of a connection, 25 s pings", 2.5, false, one, "µs/s", "idle-15000", figure(FigIdleCPU, 1)},
		{"empty process", 25, false, one, "MB", "idle-15000", figure("empty_process_rss", 1)},
		{"static binary", 20, false, one, "MB", "start", figure("binary", 1)},
		{"start to first accepted upgrade", 50, false, whole, "ms", "start", figure("start_to_upgrade_median", 1)},
		{"resume with 20 waiting messages: servers' CPU", 60, false, whole, "µs", "resume-max", figure("server_cpu_per_resume", 1)},
		{"… Redis' CPU", 80, false, whole, "µs", "resume-max", figure("redis_cpu_per_resume", 1)},
		{"… a second", 3000, true, whole, "", "resume-max", figure("resumes_per_second", 1)},
		{"… p99 at 500/s", 50, false, whole, "ms", "resume-500", latency(LatResume, p99)},
		{"70,000 users on this machine, 500 more each second: memory of all servers", 0, false, whole, "MB", "load-70000", serversMemory},
		{"… and processors they use at most", 0, false, two, "", "load-70000", figure("server_cpu_peak", 1)},
		{"… from the second of a pair to the first answer, p50", 0, false, one, "ms", "load-70000", latency(LatFirstAnswer, p50)},
		{"… p99", 0, false, one, "ms", "load-70000", latency(LatFirstAnswer, p99)},
		{"20,000 cut at once are back after", 2, false, one, "s", "storm-20000", figure("all_back_after", 1)},
		{"10,000 connections in 128 MiB: charged at most", 134, false, whole, "MB", "idle-128MiB", figure("memory_charged_peak", 1)},
	}
}

// CompareTable has a row for each figure that was measured: Rejoin, the others of the same run, and what Rejoin is in proportion to them.
func CompareTable(files []File) string {
	var b strings.Builder
	b.WriteString("| | target | Rejoin | baseline | Centrifugo | to baseline | to Centrifugo |\n|---|---:|---:|---:|---:|---:|---:|\n")
	for _, m := range measurements() {
		f := named(files, m.file)
		if f == nil {
			continue
		}
		ours, ok := m.of(f, SubjectRejoin)
		if !ok {
			continue
		}
		baseline, ratio := m.peer(f, SubjectBaseline, ours)
		centrifugo, ratio2 := m.peer(f, SubjectCentrifugo, ours)
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", m.what, m.wanted(), m.shown(ours), baseline, centrifugo, ratio, ratio2)
	}
	return b.String()
}

// named returns the file of that name, nil when there is none.
func named(files []File, name string) *File {
	for i := range files {
		if files[i].name == name {
			return &files[i]
		}
	}
	return nil
}

func (m *measurement) of(f *File, subject string) (float64, bool) {
	for i := range f.Results {
		if f.Results[i].Subject == subject {
			return m.value(&f.Results[i])
		}
	}
	return 0, false
}

// peer returns another's figure and ours in proportion to it.
func (m *measurement) peer(f *File, subject string, ours float64) (value, ratio string) {
	v, ok := m.of(f, subject)
	if !ok {
		return "", ""
	}
	if v > 0 {
		ratio = strconv.FormatFloat(ours/v, 'g', 2, 64)
	}
	return m.text(v), ratio
}

func (m *measurement) text(v float64) string { return strings.TrimSpace(m.format(v) + " " + m.unit) }

func (m *measurement) wanted() string {
	switch {
	case m.target == 0:
		return ""
	case m.more:
		return "≥ " + strings.TrimSpace(thousands(m.target)+" "+m.unit)
	}
	return "≤ " + strings.TrimSpace(strconv.FormatFloat(m.target, 'g', -1, 64)+" "+m.unit)
}

// shown is bold when the target is met.
func (m *measurement) shown(v float64) string {
	if m.target > 0 && (m.more && v >= m.target || !m.more && v <= m.target) {
		return "**" + m.text(v) + "**"
	}
	return m.text(v)
}
