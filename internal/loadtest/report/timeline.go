package report

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

// Timeline plots the samples of a run, nothing when it has none.
func (f *File) Timeline() Panels {
	const seconds = "seconds"
	users := &Plot{Title: "Users connected", X: seconds, Y: "users"}
	latency := &Plot{Title: "Latency", X: seconds, Y: "ms", LogY: true}
	cpu := &Plot{Title: "Processor time", X: seconds, Y: "processors"}
	memory := &Plot{Title: "Resident memory", X: seconds, Y: "MB"}
	seen := false
	for i := range f.Results {
		r := &f.Results[i]
		seen = seen || len(r.Samples) > 0
		kind := ""
		if len(f.Results) > 1 {
			kind = r.setting("dialect") + ", "
		}
		for _, s := range r.Samples {
			users.add(kind+"users", Point{s.Seconds, float64(s.Users)})
			for _, l := range []struct {
				name string
				ms   float64
			}{
				{"one way p50", s.OneWayP50},
				{"one way p99", s.OneWayP99},
				{"upgrade p50", s.UpgradeP50},
				{"upgrade p99", s.UpgradeP99},
				{"resume p50", s.ResumeP50},
				{"resume p99", s.ResumeP99},
			} {
				if l.ms > 0 {
					latency.add(kind+l.name, Point{s.Seconds, l.ms})
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
	return Panels{users, latency, cpu, memory}
}
