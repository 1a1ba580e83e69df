//go:build linux

package scenario

import (
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// How often a rejoin.v1 client acknowledges, as the SDK does.
const (
	ackMessages = 16
	ackAfter    = int64(time.Second)
	ackLook     = int64(100 * time.Millisecond)
)

// client is one of a pair: its connection, and the books of what it sent and received.
type client struct {
	conn      *swarm.Conn
	target    [36]byte // the peer's ID
	known     bool
	seq       uint32 // of the next message
	confirmed uint32 // the next to be confirmed
	ledger    traffic.Ledger

	// rejoin.v1: the last entry that was received, when the first one came that is not acknowledged, and how many those are.
	entry   [44]byte
	entries uint8 // the length of entry
	unacked uint8
	since   int64
}

// acknowledge counts an entry, and acknowledges when there are enough. It reports false for text that is not an entry ID.
func (c *client) acknowledge(entry []byte, now int64) bool {
	if len(entry) == 0 || len(entry) > len(c.entry) {
		return false
	}
	c.entries = uint8(copy(c.entry[:], entry))
	if c.unacked++; c.unacked == 1 {
		c.since = now
	}
	if c.unacked == ackMessages {
		c.ack()
	}
	return true
}

// ackOld acknowledges what has waited for a second.
func (c *client) ackOld(now int64) {
	if c.unacked > 0 && now-c.since >= ackAfter {
		c.ack()
	}
}

func (c *client) ack() {
	var text [80]byte
	c.conn.Send(traffic.AppendAck(text[:0], c.entry[:c.entries]))
	c.unacked = 0
}
