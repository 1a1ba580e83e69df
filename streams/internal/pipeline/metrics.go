package pipeline

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	latency *prometheus.HistogramVec
	errors  *prometheus.CounterVec
	batches prometheus.Histogram
	repeats prometheus.Counter
	late    prometheus.Counter
	perName map[string]prometheus.Observer // written by newMetrics only
}

func newMetrics(reg prometheus.Registerer, names []string) *metrics {
	m := &metrics{
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "rejoin_redis_script_duration_seconds",
			Help:    "Round trip of the pipeline that carried a script call, by script.",
			Buckets: prometheus.ExponentialBuckets(0.000_05, 2, 16),
		}, []string{"script"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rejoin_redis_script_errors_total", Help: "Script calls that Redis answered with an error, by script; repeated ones each time.",
		}, []string{"script"}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "rejoin_redis_batch_calls", Help: "Script calls gathered into one pipeline.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}),
		repeats: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rejoin_redis_repeats_total", Help: "Script calls repeated because their fate was unknown or Redis was not ready.",
		}),
		late: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rejoin_redis_expired_calls_total", Help: "Script calls that Redis did not answer within REDIS_TIMEOUT.",
		}),
		perName: map[string]prometheus.Observer{},
	}
	reg.MustRegister(m.latency, m.errors, m.batches, m.repeats, m.late)
	for _, name := range names {
		m.perName[name] = m.latency.WithLabelValues(name)
		m.errors.WithLabelValues(name) // a counter that appears with its first event has no rate
	}
	return m
}

// watch exposes the state of p.
func (m *metrics) watch(reg prometheus.Registerer, p *Pipelines) {
	reg.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "rejoin_redis_waiting_calls", Help: "Script calls that wait for a pipeline.",
		}, func() float64 { return float64(p.Queued()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "rejoin_redis_primaries", Help: "Primaries of Redis that this instance calls.",
		}, func() float64 { all, _ := p.primaries(); return float64(all) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "rejoin_redis_primaries_away", Help: "Primaries of Redis whose calls are being repeated, the last answer being an error or none.",
		}, func() float64 { _, away := p.primaries(); return float64(away) }),
	)
}

func (m *metrics) call(s *Script, took time.Duration, err error) {
	m.perName[s.Name].Observe(took.Seconds())
	if err != nil {
		m.errors.WithLabelValues(s.Name).Inc()
	}
}

func (m *metrics) failed(s *Script) { m.errors.WithLabelValues(s.Name).Inc() }
