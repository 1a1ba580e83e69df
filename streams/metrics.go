package streams

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	resubs   prometheus.Counter
	badBells prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		resubs: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rejoin_redis_subscriptions_total", Help: "Times a doorbell channel was (re-)subscribed.",
		}),
		badBells: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rejoin_redis_malformed_doorbells_total", Help: "Doorbells that could not be read.",
		}),
	}
	reg.MustRegister(m.resubs, m.badBells)
	return m
}
