package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/procfs"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// File is one run of the load test.
type File struct {
	Scenario string         `json:"scenario"`
	Command  string         `json:"command"`
	When     time.Time      `json:"when"`
	Revision string         `json:"revision"` // of git; "+changes" when the tree had some
	Go       string         `json:"go"`
	Redis    string         `json:"redis"`
	Machine  procfs.Machine `json:"machine"`
	Results  []Result       `json:"results"`

	name string // of the file, without its ending
}

// Result is what was found about one subject.
type Result struct {
	Subject   string        `json:"subject"` // one of the Subject constants
	Settings  []Setting     `json:"settings"`
	Figures   []Figure      `json:"figures"`
	Latencies []Latency     `json:"latencies,omitempty"`
	Processes []Process     `json:"processes,omitempty"`
	Samples   []Sample      `json:"samples,omitempty"` // over time
	Tally     traffic.Tally `json:"tally"`
	Lost      uint64        `json:"lost"`
	OK        bool          `json:"ok"` // nothing was lost, duplicated, out of order or refused
	Problems  []string      `json:"problems,omitempty"`
}

// What a load test is about.
const (
	SubjectRejoin     = "rejoin"
	SubjectBaseline   = "pub/sub baseline"
	SubjectHostile    = "rejoin beside tricklers"
	SubjectSocketIO   = "Socket.IO"
	SubjectCentrifugo = "Centrifugo"
	SubjectPeerServer = "PeerServer"
)

// Setting is one of a run: a flag of the load, or a setting of a server.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Figure is one number.
type Figure struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit,omitempty"`
	Value float64 `json:"value"`
}

// Process is one that took part.
type Process struct {
	Name        string  `json:"name"`
	CPUSeconds  float64 `json:"cpu_seconds"` // while it was measured
	RSSBytes    int64   `json:"rss_bytes"`
	PSSBytes    int64   `json:"pss_bytes"`
	PeakBytes   int64   `json:"peak_bytes"`
	Descriptors int     `json:"descriptors"`
	Goroutines  int     `json:"goroutines,omitempty"`        // 0: it does not say
	Connections int     `json:"redis_connections,omitempty"` // to Redis; of Redis itself: all
}

// Add appends a figure.
func (r *Result) Add(name, unit string, value float64) {
	r.Figures = append(r.Figures, Figure{name, unit, value})
}

// Get returns a figure.
func (r *Result) Get(name string) (float64, bool) {
	for _, f := range r.Figures {
		if f.Name == name {
			return f.Value, true
		}
	}
	return 0, false
}

// Latency returns the percentiles of that name, nil when there are none.
func (r *Result) Latency(name string) *Latency {
	for i := range r.Latencies {
		if r.Latencies[i].Name == name {
			return &r.Latencies[i]
		}
	}
	return nil
}

// Judge closes the books of a run in which every message had the time to arrive.
func (r *Result) Judge(t traffic.Tally) {
	r.Tally, r.Lost = t, t.Lost()
	for _, p := range []struct {
		count uint64
		what  string
	}{
		{t.Lost(), "lost"},
		{t.Unanswered(), "unanswered"},
		{t.Duplicated, "duplicated"},
		{t.Disordered, "out of order"},
		{t.Misdirected, "misdirected"},
		{t.Refused, "refused"},
		{t.Unexpected, "unexpected"},
		{t.Disconnected, "disconnected"},
		{t.Failed, "failed"},
	} {
		if p.count > 0 {
			r.Problems = append(r.Problems, fmt.Sprintf("%d %s", p.count, p.what))
		}
	}
	r.OK = len(r.Problems) == 0
}

// OK reports whether all results are good.
func (f *File) OK() bool {
	for i := range f.Results {
		if !f.Results[i].OK {
			return false
		}
	}
	return len(f.Results) > 0
}

// Write writes the file as JSON.
func (f *File) Write(path string) error {
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("encode results: %w", err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}

// Load reads all results in a directory, oldest run first.
func Load(dir string) ([]File, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("list results: %w", err)
	}
	var files []File
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read results: %w", err)
		}
		var f File
		if err := json.Unmarshal(b, &f); err != nil {
			return nil, fmt.Errorf("read results of %s: %w", filepath.Base(path), err)
		}
		f.name = strings.TrimSuffix(filepath.Base(path), ".json")
		files = append(files, f)
	}
	sort.SliceStable(files, func(i, j int) bool { return files[i].When.Before(files[j].When) })
	return files, nil
}
