package edge_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/budget"
	"github.com/rejoin-dev/rejoin/internal/edge"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// TestHalfMessagesAreBounded has clients begin messages until they exceed the budget: the one that holds most is closed as lost, and the
// others go on.
func TestHalfMessagesAreBounded(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.Loops, cfg.Buffers = 1, budget.New(100<<10) })
	message := frame(text, bytes.Repeat([]byte("m"), 60<<10))
	small := frame(text, bytes.Repeat([]byte("s"), 20<<10))
	first, s := r.open(t)
	first.write(small[:15<<10])
	eventually(t, "bytes read", func() bool { return r.metric(t, "rejoin_edge_received_bytes_total") > 15<<10 })
	second, big := r.open(t)
	second.write(message[:59<<10])
	third, _ := r.open(t)
	third.write(message[:59<<10])
	eventually(t, "one to be closed", func() bool {
		return r.metric(t, "rejoin_edge_drops_total", "reason=overloaded") == 1
	})
	second.expectClose(wire.CloseTryAgainLater, "overloaded, try again later")
	if end := big.end(t); end.By != signaling.ClosedByLoss {
		t.Fatalf("ended %v", end)
	}
	first.write(small[15<<10:])
	third.write(message[59<<10:])
	eventually(t, "message", func() bool { return len(s.got()) == 1 })
	third.expect(text, bytes.Repeat([]byte("m"), 60<<10))
	second.Close()
	eventually(t, "nothing to be held", func() bool { return r.metric(t, "rejoin_edge_buffered_bytes") == 0 })
}

// TestManyStalledReadersAreBounded fills the queues of many clients that read nothing, beside one that reads: all buffers stay within the
// budget, closed connections count as lost, not ended, and the reader misses nothing.
func TestManyStalledReadersAreBounded(t *testing.T) {
	t.Parallel()
	const readers, limit = 300, 2 << 20
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.Buffers = budget.New(limit) })
	good, goodSession := r.open(t)
	var sessions []*testSession
	for range readers {
		_, s := r.open(t)
		sessions = append(sessions, s)
	}
	payload := bytes.Repeat([]byte("d"), 4<<10)
	most, dropped := 0.0, 0
	eventually(t, "many to be dropped", func() bool {
		for _, s := range sessions {
			s.conn.Deliver(payload, nil)
		}
		most = max(most, r.metric(t, "rejoin_edge_buffered_bytes"))
		goodSession.conn.Send([]byte("still served"))
		good.expect(text, []byte("still served"))
		dropped = int(r.metric(t, "rejoin_edge_drops_total", "reason=overloaded"))
		return dropped > readers/10
	})
	// Freed buffers are noticed a little later, and the queues to the loops come on top.
	if most > 2*limit {
		t.Errorf("%.0f bytes were held, the limit is %d", most, limit)
	}
	eventually(t, "the excess to be let go of", func() bool { return r.metric(t, "rejoin_edge_buffered_bytes") <= limit })
	ended := 0
	eventually(t, "sessions to hear of it", func() bool {
		dropped = int(r.metric(t, "rejoin_edge_drops_total", "reason=overloaded")) // another loop may still close some
		for _, s := range sessions {
			select {
			case end := <-s.ended:
				if end.By != signaling.ClosedByLoss {
					t.Fatalf("ended %v", end)
				}
				ended++
			default:
			}
		}
		return ended == dropped
	})
	if n := int(r.metric(t, "rejoin_edge_max_buffered_bytes")); n != limit {
		t.Errorf("the limit is shown as %d", n)
	}
}

// TestTheStalestGoesFirst: of two that hold about the same, the one that has not read for longer is closed.
func TestTheStalestGoesFirst(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) {
		cfg.Loops, cfg.Buffers, cfg.MaxOutputBytes = 1, budget.New(5<<20), 16<<20
	})
	lagging, stale := r.open(t)
	lagging.keepLittle()
	stale.conn.Send(bytes.Repeat([]byte("s"), 3<<20))
	eventually(t, "bytes held", func() bool { return r.metric(t, "rejoin_edge_buffered_bytes") > 2<<20 })
	time.Sleep(300 * time.Millisecond) // a lower bound: it must be the older one
	reader, fresh := r.open(t)
	reader.keepLittle()
	const size = 4 << 20
	fresh.conn.Send(bytes.Repeat([]byte("f"), size))
	if end := stale.end(t); end.By != signaling.ClosedByLoss {
		t.Fatalf("ended %v", end)
	}
	reader.expect(text, bytes.Repeat([]byte("f"), size))
}
