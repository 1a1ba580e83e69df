package report

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// longest is the largest duration that a Histogram tells from larger ones.
const longest = 2 * time.Minute

// Histogram collects durations with three significant digits, 1 µs to two minutes. It is not safe for concurrent use.
type Histogram struct{ h *hdrhistogram.Histogram }

// NewHistogram returns an empty one, of about 200 KB.
func NewHistogram() Histogram {
	return Histogram{hdrhistogram.New(1, longest.Microseconds()*10, 3)} // tenths of a microsecond
}

// Record adds a duration; one that is out of range counts as the nearest in range.
func (h Histogram) Record(d time.Duration) {
	_ = h.h.RecordValue(min(max(int64(d)/100, 1), int64(longest)/100)) // never out of range now
}

// Add adds all of another.
func (h Histogram) Add(o Histogram) { h.h.Merge(o.h) }

// Reset removes all.
func (h Histogram) Reset() { h.h.Reset() }

// Count is how many were recorded.
func (h Histogram) Count() int64 { return h.h.TotalCount() }

// Latency is a distribution of durations, in microseconds.
type Latency struct {
	Name  string  `json:"name"`
	Count int64   `json:"count"`
	P50   float64 `json:"p50_us"`
	P90   float64 `json:"p90_us"`
	P95   float64 `json:"p95_us,omitempty"` // not in results of earlier versions
	P99   float64 `json:"p99_us"`
	P999  float64 `json:"p999_us"`
	Max   float64 `json:"max_us"`
	Mean  float64 `json:"mean_us"`
}

// Latency summarises what was recorded.
func (h Histogram) Latency(name string) Latency {
	at := func(percent float64) float64 { return float64(h.h.ValueAtQuantile(percent)) / 10 }
	return Latency{
		Name: name, Count: h.h.TotalCount(), P50: at(50), P90: at(90), P95: at(95), P99: at(99), P999: at(99.9),
		Max: float64(h.h.Max()) / 10, Mean: h.h.Mean() / 10,
	}
}
