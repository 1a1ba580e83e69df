package edge_test

import (
	"bytes"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/edge"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// TestSendAway: messages that a client sent before it read the close frame reach the session, even one whose first half had arrived
// earlier. Nothing more is written. The client's own close frame ends it.
func TestSendAway(t *testing.T) {
	t.Parallel()
	hub := newHub()
	r := start(t, hub, func(cfg *edge.Config) { cfg.CloseTimeout = patience })
	c, s := r.open(t)
	half := frame(text, []byte("cut in two"))
	c.write(join(frame(text, []byte("first")), half[:8]))
	c.expect(text, []byte("first"))
	s.conn.SendAway(wire.CloseServiceRestart, wire.ReasonGoingAway)
	s.conn.Close(wire.CloseInternal, "too late")
	c.expect(closeFrame, closeBody(uint16(wire.CloseServiceRestart), wire.ReasonGoingAway))
	c.write(half[8:])
	c.write(frame(text, []byte("second")))
	c.write(frame(ping, nil))
	c.write(join(frame(text, []byte("third")), frame(closeFrame, closeBody(uint16(wire.CloseServiceRestart), "")), frame(text, []byte("after its close"))))
	if end := s.end(t); end.By != signaling.SentAway {
		t.Errorf("ended %v", end)
	}
	if got, want := s.got(), []string{"first", "cut in two", "second", "third"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if rest, err := io.ReadAll(c.in); err != nil || len(rest) > 0 {
		t.Errorf("read %q, %v; want the end", rest, err)
	}
	c.Close()
	eventually(t, "connection to be forgotten", func() bool { return r.metric(t, "rejoin_edge_connections") == 0 })
	if n := r.metric(t, "rejoin_edge_closes_total", "by=server", "code=1012"); n != 1 {
		t.Errorf("%v closes counted", n)
	}
}

// TestSendAwayKeepsTheRules: a client that was sent away is held to the usual limits, and only read for a short time.
func TestSendAwayKeepsTheRules(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		then []byte // what it sends after the close frame
		most int    // messages that the session gets
	}{
		"rate":      {bytes.Repeat(frame(text, []byte("hi")), 30), 20},
		"violation": {join(frame(0x83, nil), frame(text, []byte("hi"))), 0},
		"silence":   {nil, 0},
		"end":       {frame(text, []byte("hi")), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, newHub(), func(cfg *edge.Config) {
				cfg.RateLimit, cfg.RateWindow, cfg.CloseTimeout = 20, time.Hour, 50*time.Millisecond
			})
			c, s := r.open(t)
			s.conn.SendAway(wire.CloseServiceRestart, wire.ReasonGoingAway)
			c.expectClose(wire.CloseServiceRestart, wire.ReasonGoingAway)
			c.write(tc.then)
			if name == "end" {
				c.Close()
			}
			if end := s.end(t); end.By != signaling.SentAway {
				t.Errorf("ended %v", end)
			}
			if got := s.got(); len(got) != tc.most {
				t.Errorf("got %q", got)
			}
		})
	}
}
