//go:build linux

package scenario

import (
	"net/netip"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/protocol"
	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// holding is what a worker is told: connections to open and to hold.
type holding struct {
	Addr     netip.AddrPort `json:"addr"`
	Run      string         `json:"run"`   // names the rooms
	First    int            `json:"first"` // of its clients among those of all workers
	Count    int            `json:"count"`
	PerRoom  int            `json:"per_room"` // 1 or 2
	Protocol protocol.Name  `json:"protocol"`
	Interval int64          `json:"interval_ns"` // from one to the next; 0: none
	Pending  int            `json:"pending"`
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

// holder is the driver and handler of a worker.
type holder struct {
	holding
	loop    *swarm.Loop
	ramp    ramp
	letters [2]traffic.Letters
	clients []protocol.Client // none where the server speaks only when something happens
	now     held
}

func newHolder(what holding, began time.Time) (_ *holder, err error) {
	h := &holder{holding: what}
	if what.Protocol == protocol.SocketIO || what.Protocol == protocol.Centrifugo {
		for i := range what.Count {
			role := traffic.Role((what.First + i) % 2)
			h.clients = append(h.clients, protocol.New(what.Protocol, what.Run, (what.First+i)/what.PerRoom, role, &h.letters[role]))
		}
	}
	h.ramp = ramp{total: what.Count, limit: what.Pending, interval: what.Interval, dial: h.dial}
	h.loop, err = swarm.New(began, h)
	return h, err
}

func (h *holder) swarm() *swarm.Loop { return h.loop }

// order implements job: there is nothing that it could be asked for.
func (h *holder) order(order) {}

func (h *holder) state() any {
	h.now.Pings = h.loop.Counters().Pings
	h.now.Settled = h.now.Opened+h.now.Failed == h.Count || h.ramp.err != nil
	if h.ramp.err != nil {
		h.now.Error = h.ramp.err.Error()
	}
	return h.now
}

func (h *holder) dial(i int, _ int64) error {
	n := h.First + i
	client := protocol.New(h.Protocol, h.Run, n/h.PerRoom, traffic.Role(n%2), nil)
	if h.clients != nil {
		client = h.clients[i]
	}
	c, err := h.loop.Dial(h.Addr, swarm.Source(n), client.Upgrade(h.Addr.String()), h, 0)
	if err == nil {
		c.Tag = -1 - i
	}
	return err
}

func (h *holder) Tick(now int64) int64 { return h.ramp.tick(now) }

// Opened implements swarm.Handler. Tag is -1-i of the i-th connection until it is open, then i.
func (h *holder) Opened(c *swarm.Conn) {
	c.Tag = -1 - c.Tag
	h.ramp.settled()
	h.now.Opened++
	h.now.Nanoseconds = h.loop.Now()
	if h.clients != nil {
		h.clients[c.Tag].Opened(c)
	}
}

func (h *holder) Message(c *swarm.Conn, b []byte) {
	if h.clients != nil {
		h.clients[c.Tag].Read(c, b, 0, heldListener{h})
		return
	}
	switch traffic.KindOf(b) {
	case traffic.PeerIsHere, traffic.Session:
	default:
		h.now.Unexpected++
	}
}

func (h *holder) Closed(c *swarm.Conn, _ error) {
	if c.Tag >= 0 {
		h.now.Disconnected++
		return
	}
	h.ramp.settled()
	h.now.Failed++
}

// heldListener is what held clients hear: that they are in, and nothing else.
type heldListener struct{ *holder }

func (h heldListener) Ready(protocol.Continuity)            { h.now.Nanoseconds = h.loop.Now() }
func (h heldListener) Unready()                             { h.now.Unexpected++ }
func (h heldListener) Message(traffic.Stamp)                { h.now.Unexpected++ }
func (h heldListener) Confirmed(traffic.Stamp)              { h.now.Unexpected++ }
func (h heldListener) Refused(traffic.Stamp, time.Duration) { h.now.Unexpected++ }
func (h heldListener) GoAway(time.Duration)                 { h.now.Unexpected++ }
func (h heldListener) Unexpected([]byte)                    { h.now.Unexpected++ }
