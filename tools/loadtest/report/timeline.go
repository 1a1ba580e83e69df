package report

import "strings"

// Sample is what there was at one moment of a run.
type Sample struct {
	Seconds float64 `json:"s"`     // since the beginning
	Users   int     `json:"users"` // connected
	Away    int     `json:"away,omitempty"`
	// Since the sample before: messages a second, percentiles in milliseconds (0: none was measured), processor time as a number of
	// processors that were busy.
	Messages   float64 `json:"messages"`
	OneWayP50  float64 `json:"one_way_p50_ms,omitempty"`
	OneWayP99  float64 `json:"one_way_p99_ms,omitempty"`
	UpgradeP50 float64 `json:"upgrade_p50_ms,omitempty"`
	UpgradeP99 float64 `json:"upgrade_p99_ms,omitempty"`
	ResumeP50  float64 `json:"resume_p50_ms,omitempty"`
	ResumeP99  float64 `json:"resume_p99_ms,omitempty"`
	ServersCPU float64 `json:"servers_cpu"`
	RedisCPU   float64 `json:"redis_cpu"`
	// Resident memory.
	ServersMB float64 `json:"servers_mb"`
	RedisMB   float64 `json:"redis_mb"`
}

// latencies are the series of a timeline: all of them, and those that there is room for when runs are compared.
var latencies = []struct {
	name     string
	compared bool
	ms       func(*Sample) float64
}{
	{"one way p50", false, func(s *Sample) float64 { return s.OneWayP50 }},
	{"one way p99", true, func(s *Sample) float64 { return s.OneWayP99 }},
	{"upgrade p50", false, func(s *Sample) float64 { return s.UpgradeP50 }},
	{"upgrade p99", false, func(s *Sample) float64 { return s.UpgradeP99 }},
	{"resume p50", true, func(s *Sample) float64 { return s.ResumeP50 }},
	{"resume p99", true, func(s *Sample) float64 { return s.ResumeP99 }},
}

// Timeline plots the samples of a run, nothing when it has none.
func (f *File) Timeline() Panels {
	const seconds = "seconds"
	users := &Plot{Title: "Users connected", X: seconds, Y: "users"}
	latency := &Plot{Title: "Latency", X: seconds, Y: "ms", LogY: true}
	cpu := &Plot{Title: "Processor time", X: seconds, Y: "processors"}
	memory := &Plot{Title: "Resident memory", X: seconds, Y: "MB"}
	seen, compare, jitter := false, len(f.Results) > 1, f.Scenario == "jitter"
	for i := range f.Results {
		r := &f.Results[i]
		seen = seen || len(r.Samples) > 0
		kind := ""
		switch {
		case jitter:
			kind = r.setting("event") + ", "
		case compare:
			kind = r.setting("dialect") + ", "
		}
		for i := range r.Samples {
			s := &r.Samples[i]
			users.add(kind+"users", Point{s.Seconds, float64(s.Users)})
			if s.Away > 0 {
				users.add(kind+"away", Point{s.Seconds, float64(s.Away)})
			}
			for _, l := range latencies {
				if jitter && !strings.HasPrefix(l.name, "one way") { // there is room for two of three events
					continue
				}
				if ms := l.ms(s); ms > 0 && (l.compared || !compare || jitter) {
					latency.add(kind+l.name, Point{s.Seconds, ms})
				}
			}
			cpu.add(kind+"servers", Point{s.Seconds, s.ServersCPU})
			cpu.add(kind+"Redis", Point{s.Seconds, s.RedisCPU})
			memory.add(kind+"servers", Point{s.Seconds, s.ServersMB})
			memory.add(kind+"Redis", Point{s.Seconds, s.RedisMB})
		}
	}
	if !seen {
		return nil
	}
	for i := range latency.Series {
		latency.Series[i].Gap = longestGap
	}
	return Panels{users, latency, cpu, memory}
}

// longestGap is how many seconds without a measurement do not interrupt a line.
const longestGap = 2.5
