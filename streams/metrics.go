package streams

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	latency  *prometheus.HistogramVec
	errors   *prometheus.CounterVec
	batches  prometheus.Histogram
	repeats  prometheus.Counter
	resubs   prometheus.Counter
	badBells prometheus.Counter
	perCall  map[*script]prometheus.Observer
}

func newMetrics(reg prometheus.Registerer, scripts []*script) *metrics {
	m := &metrics{
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "rejoin_redis_script_duration_seconds",
			Help:    "Round trip of the pipeline that carried a script call, by script.",
			Buckets: prometheus.ExponentialBuckets(0.000_05, 2, 16),
		}, []string{"script"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rejoin_redis_script_errors_total", Help: "Script calls that Redis answered with an error, by script.",
		}, []string{"script"}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "rejoin_redis_batch_calls", Help: "Script calls gathered into one pipeline.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}),
		repeats: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rejoin_redis_repeats_total", Help: "Script calls repeated because their fate was unknown or Redis was not ready.",
		}),
		resubs: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rejoin_redis_subscriptions_total", Help: "Times the doorbell channel was (re-)subscribed.",
		}),
		badBells: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rejoin_redis_malformed_doorbells_total", Help: "Doorbells that could not be read.",
		}),
		perCall: map[*script]prometheus.Observer{},
	}
	reg.MustRegister(m.latency, m.errors, m.batches, m.repeats, m.resubs, m.badBells)
	for _, s := range append(slices.Clone(scripts), aliveCall) {
		m.perCall[s] = m.latency.WithLabelValues(s.name)
		m.errors.WithLabelValues(s.name) // a counter that appears with its first event has no rate
	}
	return m
}

// watch exposes what waits in b.
func (m *metrics) watch(reg prometheus.Registerer, b *batcher) {
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "rejoin_redis_waiting_calls", Help: "Script calls that wait for a pipeline.",
	}, func() float64 { return float64(b.waiting()) }))
}

func (m *metrics) batch(n int) { m.batches.Observe(float64(n)) }

func (m *metrics) call(s *script, took time.Duration, err error) {
	m.perCall[s].Observe(took.Seconds())
	if err != nil && notNil(err) != nil {
		m.errors.WithLabelValues(s.name).Inc()
	}
}

func (m *metrics) repeated(n int) { m.repeats.Add(float64(n)) }
