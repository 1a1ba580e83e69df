package simulation

import (
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
)

// Times collects seconds.
type Times struct {
	histogram report.Histogram
	sum       float64
	count     int
	most      float64
}

// NewTimes returns an empty one.
func NewTimes() *Times { return &Times{histogram: report.NewHistogram()} }

// Add adds one.
func (t *Times) Add(seconds float64) {
	t.histogram.Record(time.Duration(seconds * 1e9))
	t.sum += seconds
	t.count++
	t.most = max(t.most, seconds)
}

// Count is how many there are.
func (t *Times) Count() int { return t.count }

// Mean is their mean, seconds; 0 when there are none.
func (t *Times) Mean() float64 {
	if t.count == 0 {
		return 0
	}
	return t.sum / float64(t.count)
}

// P50 is their median, seconds.
func (t *Times) P50() float64 { return t.histogram.Latency("").P50 / 1e6 }

// P99 is their 99th percentile, seconds.
func (t *Times) P99() float64 { return t.histogram.Latency("").P99 / 1e6 }

// Max is the longest.
func (t *Times) Max() float64 { return t.most }
