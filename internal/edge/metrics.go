package edge

import (
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// dropReason is why the server closed a socket without the close that the protocol provides.
type dropReason string

const (
	clientGone     dropReason = ""                  // the client closed or reset the connection: not counted
	dropCrowded    dropReason = "crowded"           // evicted for a newcomer
	dropHandshake  dropReason = "handshake_timeout" // nothing arrived
	dropGone       dropReason = "gone_before_open"  // the client had closed when its head was complete
	dropMessage    dropReason = "message_timeout"
	dropSilent     dropReason = "silent"      // no answer to a ping
	dropOutputFull dropReason = "output_full" // twice its output bound is waiting
	dropStalled    dropReason = "stalled"     // it reads nothing
	dropLinger     dropReason = "close_timeout"
	dropStopping   dropReason = "stopping"   // no head yet when the server stopped
	dropOverloaded dropReason = "overloaded" // all buffers together held too much
)

var dropReasons = []dropReason{
	dropCrowded, dropHandshake, dropGone, dropMessage, dropSilent, dropOutputFull, dropStalled, dropLinger,
	dropStopping, dropOverloaded,
}

// The outcomes of an upgrade other than an HTTP status.
const (
	upgradeAccepted = "accepted"
	upgradeRefused  = "refused" // 101, then close 1003
	upgradeTimeout  = "timeout"
)

// closer is the side that ended a connection with a close frame.
type closer string

const (
	closedByClient closer = "client"
	closedBySelf   closer = "server" // on the session's behalf
	closedByPolicy closer = "edge"
)

// metrics are the edge's. Every child is made in advance: counting neither locks nor allocates.
type metrics struct {
	outcomes map[string]prometheus.Counter // by upgrade outcome, an HTTP status or one of the above
	closes   map[closer]map[string]prometheus.Counter
	drops    map[dropReason]prometheus.Counter
	losses   prometheus.Counter
	in, out  prometheus.Counter
}

// newMetrics registers them; reg may be nil.
func newMetrics(reg prometheus.Registerer, s *Server) (*metrics, error) {
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "rejoin", Subsystem: "edge", Name: name, Help: help}
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(counter(name, help), labels)
	}
	outcomes := counters("upgrades_total", "Requests by what became of them.", "outcome")
	closes := counters("closes_total", "Close frames by who closed and the class of the code.", "by", "code")
	drops := counters("drops_total", "Sockets that were closed without a proper end.", "reason")
	m := &metrics{
		outcomes: map[string]prometheus.Counter{},
		closes:   map[closer]map[string]prometheus.Counter{},
		drops:    map[dropReason]prometheus.Counter{},
		losses:   prometheus.NewCounter(counter("losses_total", "Open connections that ended without a close frame.")),
		in:       prometheus.NewCounter(counter("received_bytes_total", "Bytes read from sockets.")),
		out:      prometheus.NewCounter(counter("sent_bytes_total", "Bytes given to sockets.")),
	}
	m.prepare(outcomes, closes, drops)
	gauge := func(name, help string, value *atomic.Int64) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts(counter(name, help)), func() float64 { return float64(value.Load()) })
	}
	open := gauge("connections", "Upgraded connections.", &s.upgraded)
	value := func(name, help string, value func() int64) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts(counter(name, help)), func() float64 { return float64(value()) })
	}
	buffered := value("buffered_bytes", "Bytes held for incomplete heads and messages, for output that waits, and for what waits for a session.",
		s.cfg.Buffers.Held)
	budget := value("max_buffered_bytes", "Bytes beyond which the connections that hold most are closed as lost.", s.cfg.Buffers.Limit)
	most := prometheus.NewGaugeFunc(prometheus.GaugeOpts(counter("max_connections", "Upgraded connections beyond which newcomers are refused.")),
		func() float64 { return float64(s.maxUpgraded) })
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{outcomes, closes, drops, m.losses, m.in, m.out, open, most, buffered, budget} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register edge metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) prepare(outcomes, closes, drops *prometheus.CounterVec) {
	for _, status := range []int{200, 204, 400, 401, 403, 404, 405, 408, 426, 429, 431, 503} {
		text := strconv.Itoa(status)
		m.outcomes[text] = outcomes.WithLabelValues(text)
	}
	for _, outcome := range []string{upgradeAccepted, upgradeRefused, upgradeTimeout} {
		m.outcomes[outcome] = outcomes.WithLabelValues(outcome)
	}
	for _, by := range []closer{closedByClient, closedBySelf, closedByPolicy} {
		m.closes[by] = map[string]prometheus.Counter{}
		for _, class := range codeClasses {
			m.closes[by][class] = closes.WithLabelValues(string(by), class)
		}
	}
	for _, reason := range dropReasons {
		m.drops[reason] = drops.WithLabelValues(string(reason))
	}
}

// codeClasses are the label values for close codes: clients can invent codes, and those must not become labels.
var codeClasses = []string{
	"1000", "1001", "1002", "1003", "1005", "1007", "1008", "1009", "1010", "1011", "1012", "1013", "1014",
	"3xxx", "4001", "4xxx", "other",
}

func classOf(code wire.CloseCode) string {
	switch {
	case 1000 <= code && code <= 1003, code == 1005, 1007 <= code && code <= 1014, code == wire.CloseResumedElsewhere:
		return strconv.Itoa(int(code))
	case 3000 <= code && code < 4000:
		return "3xxx"
	case 4000 <= code && code < 5000:
		return "4xxx"
	}
	return "other"
}

func (m *metrics) upgraded(outcome string) { m.outcomes[outcome].Inc() }

func (m *metrics) responded(status int) { m.outcomes[strconv.Itoa(status)].Inc() }

func (m *metrics) close(code wire.CloseCode, end signaling.ClosedBy) {
	by := closedByPolicy
	switch end {
	case signaling.ClosedByClient:
		by = closedByClient
	case signaling.ClosedByServer, signaling.SentAway:
		by = closedBySelf
	case signaling.ClosedByLoss, signaling.ClosedForCause:
	}
	m.closes[by][classOf(code)].Inc()
}

func (m *metrics) drop(reason dropReason) { m.drops[reason].Inc() }

// removed counts the end of a connection.
func (m *metrics) removed(why dropReason, was state) {
	if why != clientGone {
		m.drop(why)
	}
	if was == stateOpen {
		m.losses.Inc()
	}
}

func (m *metrics) received(n int) { m.in.Add(float64(n)) }

func (m *metrics) sent(n int) { m.out.Add(float64(n)) }
