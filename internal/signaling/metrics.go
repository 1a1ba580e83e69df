package signaling

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

type outcome string

const (
	outcomeStored     outcome = "stored"
	outcomeDuplicate  outcome = "duplicate"
	outcomeMissing    outcome = "missing_target"
	outcomeFull       outcome = "mailbox_full"
	outcomeFenced     outcome = "fenced"
	outcomeRetry      outcome = "retry"
	outcomeInvalid    outcome = "invalid"
	verdictResumed    outcome = "resumed"
	verdictTaken      outcome = "taken_over"
	verdictExpired    outcome = wire.ReasonExpired
	verdictUnknown    outcome = wire.ReasonUnknown
	verdictMismatched outcome = wire.ReasonMismatch
	verdictLost       outcome = wire.ReasonLost
)

type dropReason string

const (
	dropOutputFull  dropReason = "output_full"
	dropFenced      dropReason = "fenced"
	dropOpeningFull dropReason = "opening_full"
)

type metrics struct {
	messages   *prometheus.CounterVec
	byOutcome  map[outcome]prometheus.Counter
	connects   *prometheus.CounterVec
	resumes    *prometheus.CounterVec
	drops      *prometheus.CounterVec
	ends       *prometheus.CounterVec
	lostMail   prometheus.Counter
	overdue    prometheus.Counter
	delivered  prometheus.Counter
	replayed   prometheus.Counter
	superseded prometheus.Counter
	announced  prometheus.Counter
	holes      prometheus.Counter
	restored   prometheus.Counter
	ghosts     prometheus.Counter
	answered   prometheus.Histogram
	attaching  prometheus.Histogram
}

// The results of a connect.
const (
	connectAttached = "attached"
	connectFull     = "room_full"
	connectTaken    = "id_taken" // PeerJS: another client has the id
	connectFailed   = "failed"
	connectDenied   = "denied" // its token only allowed a resume, and its session is gone
	connectGone     = "gone"   // in traces only: it closed, or was sent away, before the answer
)

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// seconds is a histogram from 0.1 ms to 26 s: calls to Redis time out before the last bucket.
func seconds(name, help string) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(0.000_1, 2, 19)})
}

func newMetrics(reg prometheus.Registerer, h *Hub) *metrics {
	m := &metrics{
		messages:   counters("rejoin_messages_total", "Messages from clients, by what became of them.", "outcome"),
		connects:   counters("rejoin_connects_total", "Connections that asked for a session, by dialect and result.", "dialect", "result"),
		resumes:    counters("rejoin_resumes_total", "Attempts to come back to a session, by dialect and verdict.", "dialect", "verdict"),
		drops:      counters("rejoin_drops_total", "Deliveries put off and connections dropped, by reason.", "reason"),
		ends:       counters("rejoin_session_ends_total", "Sessions that ended for good, by how, at the instance that ended them.", "how"),
		lostMail:   counter("rejoin_undelivered_total", "Messages that waited in a mailbox when its session ended; their senders are told."),
		overdue:    counter("rejoin_overdue_total", "Messages whose ttlMs was over before they were acknowledged, as told to their senders here."),
		delivered:  counter("rejoin_delivered_total", "Messages written to their receivers, replayed ones included."),
		replayed:   counter("rejoin_replayed_total", "Messages delivered in a replay."),
		superseded: counter("rejoin_superseded_total", "Waiting messages left out because a later offer replaced them or their sender left."),
		announced:  counter("rejoin_announcements_total", "Presence announcements written."),
		holes:      counter("rejoin_doorbell_holes_total", "Doorbells that showed that an earlier one was lost."),
		ghosts:     counter("rejoin_ghosts_total", "Sessions that Redis believed to be here and that were not: given up."),
		restored:   counter("rejoin_restores_total", "Sessions attached again because the primary changed or lost its data."),
		byOutcome:  map[outcome]prometheus.Counter{},
		answered:   seconds("rejoin_message_duration_seconds", "From a message's arrival to the answer its sender gets, the wait for Redis included."),
		attaching:  seconds("rejoin_connect_duration_seconds", "From an upgrade to a session that is attached."),
	}
	reg.MustRegister(m.messages, m.connects, m.resumes, m.drops, m.ends, m.lostMail, m.overdue, m.delivered, m.replayed, m.superseded, m.announced, m.holes, m.restored, m.ghosts,
		m.answered, m.attaching,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "rejoin_draining", Help: "1 from the signal to end until the end."}, h.drains),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "rejoin_sessions", Help: "Sessions with a connection here."},
			func() float64 { return float64(h.sessions.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "rejoin_sessions_suspended", Help: "Sessions last held here, in their grace window."},
			func() float64 { return float64(h.windows.count()) }),
	)
	m.prepare()
	return m
}

// prepare makes the children beforehand: a counter that appears with its first event has no rate.
func (m *metrics) prepare() {
	for _, o := range []outcome{
		outcomeStored, outcomeDuplicate, outcomeMissing, outcomeFull, outcomeFenced, outcomeRetry, outcomeInvalid,
	} {
		m.byOutcome[o] = m.messages.WithLabelValues(string(o))
	}
	for _, d := range []wire.Dialect{wire.Plain, wire.RejoinV1, wire.PeerJS} {
		for _, result := range []string{connectAttached, connectFull, connectFailed, connectDenied} {
			m.connects.WithLabelValues(dialectLabel(d), result)
		}
	}
	m.connects.WithLabelValues(dialectLabel(wire.PeerJS), connectTaken)
	for _, v := range []outcome{verdictResumed, verdictExpired, verdictUnknown, verdictMismatched, verdictLost} {
		m.resumes.WithLabelValues(dialectLabel(wire.RejoinV1), string(v))
	}
	m.resumes.WithLabelValues(dialectLabel(wire.Plain), string(verdictTaken))
	m.resumes.WithLabelValues(dialectLabel(wire.PeerJS), string(verdictResumed))
	for _, h := range endReasons {
		m.ends.WithLabelValues(string(h))
	}
	for _, r := range []dropReason{dropOutputFull, dropFenced, dropOpeningFull} {
		m.drops.WithLabelValues(string(r))
	}
}

func (m *metrics) message(o outcome) { m.byOutcome[o].Inc() }

func outcomeOf(o streams.Outcome, err error) outcome {
	switch {
	case err != nil:
		return outcomeRetry
	case o == streams.Stored:
		return outcomeStored
	case o == streams.StoredBefore:
		return outcomeDuplicate
	case o == streams.Missing:
		return outcomeMissing
	case o == streams.MailboxFull:
		return outcomeFull
	case o == streams.BeyondPlain:
		return outcomeInvalid
	}
	return outcomeFenced
}

func dialectLabel(d wire.Dialect) string { return d.String() }

func (m *metrics) connect(d wire.Dialect, result string) {
	m.connects.WithLabelValues(dialectLabel(d), result).Inc()
}

// attached counts a session that begins; refused is one of wire's reasons why it is not the one asked for.
func (m *metrics) attached(d wire.Dialect, a streams.Attached, refused string) {
	m.superseded.Add(float64(a.Superseded))
	m.connect(d, connectAttached)
	var verdict outcome
	switch {
	case a.Verdict == streams.Resumed && d == wire.Plain:
		verdict = verdictTaken
	case a.Verdict == streams.Resumed:
		verdict = verdictResumed
	case refused == wire.ReasonExpired:
		verdict = verdictExpired
	case refused == wire.ReasonUnknown:
		verdict = verdictUnknown
	case refused == wire.ReasonMismatch:
		verdict = verdictMismatched
	case refused == wire.ReasonLost:
		verdict = verdictLost
	default:
		return // no resume was asked for
	}
	m.resumes.WithLabelValues(dialectLabel(d), string(verdict)).Inc()
}

// sessionEnded counts an ended session and its undelivered messages.
func (m *metrics) sessionEnded(h endReason, undelivered int) {
	m.ends.WithLabelValues(string(h)).Inc()
	m.lostMail.Add(float64(undelivered))
}

func (m *metrics) drop(r dropReason) { m.drops.WithLabelValues(string(r)).Inc() }
