//go:build linux

package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/rejoin-dev/rejoin/internal/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/internal/loadtest/traffic"
)

// holding is what a worker is told: connections to open and to hold.
type holding struct {
	Addr     netip.AddrPort  `json:"addr"`
	Run      string          `json:"run"`   // names the rooms
	First    int             `json:"first"` // of its clients among those of all workers
	Count    int             `json:"count"`
	PerRoom  int             `json:"per_room"` // 1 or 2
	Dialect  traffic.Dialect `json:"dialect"`
	Interval int64           `json:"interval_ns"` // from one to the next; 0: none
	Pending  int             `json:"pending"`
}

// held is what a worker tells, every so often.
type held struct {
	Opened       int    `json:"opened"`
	Failed       int    `json:"failed"`
	Disconnected int    `json:"disconnected"`
	Unexpected   int    `json:"unexpected"`
	Pings        uint64 `json:"pings"`
	Nanoseconds  int64  `json:"elapsed_ns"` // from the first dial to the latest connection
	Settled      bool   `json:"settled"`    // all are open, or failed
	Error        string `json:"error,omitempty"`
}

// reportEvery is how often a worker tells what it holds.
const reportEvery = 250 * time.Millisecond

// Worker is the main function of a worker process. It reads what to hold from stdin, holds it and tells how it goes on stdout,
// until stdin ends, as it does when the load test ends in whatever way.
func Worker(stdin io.Reader, stdout io.Writer) error {
	commands := json.NewDecoder(stdin)
	var what holding
	if err := commands.Decode(&what); err != nil {
		return fmt.Errorf("read what to hold: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // ends with the process: a read of a pipe cannot be interrupted
		_, _ = io.Copy(io.Discard, stdin)
		cancel()
	}()
	return hold(ctx, what, json.NewEncoder(stdout))
}

// hold opens connections and keeps them until ctx ends.
func hold(ctx context.Context, what holding, tell *json.Encoder) error {
	h := &holder{holding: what}
	h.ramp = ramp{total: what.Count, limit: what.Pending, interval: what.Interval, dial: h.dial}
	began := time.Now()
	loop, err := swarm.New(began, h)
	if err != nil {
		return err
	}
	h.loop = loop
	ended := make(chan error, 1)
	go func() { ended <- loop.Run() }()
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			loop.Stop()
			return <-ended
		case err := <-ended:
			return err
		case <-ticker.C:
		}
		var now held
		if err := loop.Do(ctx, func() { now = h.state() }); err != nil {
			continue // one of the two above says why
		}
		if err := tell.Encode(now); err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			loop.Stop()
			return <-ended
		}
	}
}

// holder is the driver and handler of a worker.
type holder struct {
	holding
	loop *swarm.Loop
	ramp ramp
	now  held
}

func (h *holder) state() held {
	h.now.Pings = h.loop.Counters().Pings
	h.now.Settled = h.now.Opened+h.now.Failed == h.Count || h.ramp.err != nil
	if h.ramp.err != nil {
		h.now.Error = h.ramp.err.Error()
	}
	return h.now
}

func (h *holder) dial(i int, _ int64) error {
	n := h.First + i
	role := traffic.Role(n % 2)
	target := traffic.Target(h.Run, n/h.PerRoom, role)
	_, err := h.loop.Dial(h.Addr, swarm.Source(n), swarm.Request(h.Addr.String(), target, h.Dialect.Protocols()), h, 0)
	return err
}

func (h *holder) Tick(now int64) int64 { return h.ramp.tick(now) }

func (h *holder) Opened(c *swarm.Conn) {
	c.Tag = 1
	h.ramp.settled()
	h.now.Opened++
	h.now.Nanoseconds = h.loop.Now()
}

func (h *holder) Message(_ *swarm.Conn, b []byte) {
	switch traffic.KindOf(b) {
	case traffic.PeerIsHere, traffic.Session:
	default:
		h.now.Unexpected++
	}
}

func (h *holder) Closed(c *swarm.Conn, _ error) {
	if c.Tag == 1 {
		h.now.Disconnected++
		return
	}
	h.ramp.settled()
	h.now.Failed++
}
