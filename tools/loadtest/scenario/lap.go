//go:build linux

package scenario

import (
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// lap is what a worker tells of its users. All but Times is as of now, since the beginning.
type lap struct {
	Orders     int           `json:"orders"`   // that it has followed
	Opened     int           `json:"opened"`   // connections
	Away       int           `json:"away"`     // users that were cut and are not back
	Lost       int           `json:"lost"`     // users that were given up
	Later      int           `json:"later"`    // attempts that were not let in, and repeated
	Repeated   int           `json:"repeated"` // messages that were sent again: the server said so, or their answer was lost
	Cuts       int           `json:"cuts"`     // connections that were cut one by one
	Ended      int           `json:"ended"`    // connections that the server ended
	Resumed    int           `json:"resumed"`  // returns of whom the server knew
	Broken     int           `json:"broken"`   // returns of whom it knew nothing any more
	Waiting    int           `json:"waiting"`  // messages that are not sent yet, or not answered
	Negotiated int           `json:"negotiated"`
	Again      bool          `json:"again"`         // pairs that were cut have yet to negotiate
	Settled    bool          `json:"settled"`       // all users are in, and nothing is in flight
	BackAfter  time.Duration `json:"back_after_ns"` // from the cut to the latest who came back
	Tally      traffic.Tally `json:"tally"`
	Cause      string        `json:"cause,omitempty"`
	Error      string        `json:"error,omitempty"`
	// Times are durations since the last lap, by the names below: a second has too few for histograms to be smaller.
	Times map[string][]time.Duration `json:"times"`
}

// Names of latencies, as results have them.
const (
	latUpgrade     = report.LatUpgrade
	latOneWay      = report.LatOneWay
	latWaited      = report.LatWaited
	latConfirm     = report.LatConfirm
	latNegotiation = report.LatNegotiation
	latResume      = report.LatResume
	latAway        = report.LatAway
	latLate        = report.LatLate
	latWritten     = report.LatWritten
	latReconnect   = report.LatReconnect
	latFirstAnswer = report.LatFirstAnswer
)

// latencies are all of them, in the order of a table.
var latencies = [...]string{latUpgrade, latFirstAnswer, latNegotiation, latOneWay, latWritten, latReconnect, latConfirm, latWaited, latResume, latAway, latLate}

func (l *lap) record(name string, nanoseconds int64) {
	l.Times[name] = append(l.Times[name], time.Duration(nanoseconds))
}

// add adds another worker's. They are settled when all of them are.
func (l *lap) add(o *lap) {
	l.Orders = min(l.Orders, o.Orders)
	l.Opened += o.Opened
	l.Away += o.Away
	l.Lost += o.Lost
	l.Later += o.Later
	l.Repeated += o.Repeated
	l.Cuts += o.Cuts
	l.Ended += o.Ended
	l.Resumed += o.Resumed
	l.Broken += o.Broken
	l.Waiting += o.Waiting
	l.Negotiated += o.Negotiated
	l.Again = l.Again || o.Again
	l.Settled = l.Settled && o.Settled
	l.BackAfter = max(l.BackAfter, o.BackAfter)
	l.Tally.Add(o.Tally)
	if l.Cause == "" {
		l.Cause = o.Cause
	}
	if l.Error == "" {
		l.Error = o.Error
	}
}
