package pipeline

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"time"

	"github.com/redis/go-redis/v9"
)

// Script is a Lua script, in the form for a single server and in that for a cluster.
type Script struct {
	Name            string // for metrics
	Single, Cluster Text
	// Own, unless 0, is the place, from 1 on, of a script whose text differs from primary to primary: see Options.Own.
	Own int
}

// Text is a script as Redis knows it.
type Text struct{ Source, SHA string }

// NewText names a script by its text.
func NewText(source string) Text {
	sum := sha1.Sum([]byte(source))
	return Text{Source: source, SHA: hex.EncodeToString(sum[:])}
}

// text returns the script as a primary knows it. own are the texts that were made for that one.
func (s *Script) text(cluster bool, own []Text) Text {
	switch {
	case s.Own > 0:
		return own[s.Own-1]
	case cluster:
		return s.Cluster
	}
	return s.Single
}

// Call is one script call. It belongs to the pipelines from Put until Release, or Done if there is no Release.
type Call struct {
	Script *Script
	Cmd    *redis.Cmd
	// Key is the first key of the call. Calls of one key are made in the order in which they were put.
	Key      string
	Deadline time.Time
	// Done gets the answer, once, by Deadline: a reply, or ErrBusy, ErrUnavailable (it may have been made, and may
	// still be made), or ErrClosed. It must not block and must not read cmd when err is set.
	Done func(cmd *redis.Cmd, err error)
	// Release, unless nil, is called once when the memory behind Cmd and Key is not used any more; after Done.
	Release func()

	// Read, unless nil, is made behind the call, in the same round trip. Its error is its own: the call may have been answered without it.
	Read *redis.Cmd

	// Sender is whose send this is, or whose ring of fingerprints it goes into; empty for other calls. Out-of-order replies (OutOfOrder) of a send are repeated
	// while an earlier call of its key is.
	Sender string
	// SHA is an argument, by pointer: the script's name where the call is made, set at every attempt.
	SHA string

	// Waited is an argument: ms since Started, brought up to date at every attempt; nil for most calls.
	Waited  *int64
	Started time.Time

	// Until, unless zero, is how long the call may wait for others to travel with: alone it would cost a round trip, and a wake of Redis, of
	// its own. Deadline must be later.
	Until time.Time

	// Urgent calls go before all others, and are taken when the queue is full.
	Urgent bool
	// Unmarked calls are no writes of a room: WAIT does not speak of them.
	Unmarked bool

	slot     uint16
	routed   bool // counted in Pipelines.flying
	answered bool // answered before the round trip ended; guarded by worker.answering
	tries    uint8
	trouble  error // why it is repeated
}

// OutOfOrder is the reply of a send whose predecessor is missing, or the first word of it.
const OutOfOrder = "O"

func (c *Call) outOfOrder() bool {
	if c.Sender == "" {
		return false
	}
	reply := c.Cmd.Val()
	if list, ok := reply.([]any); ok && len(list) > 0 {
		reply = list[0]
	}
	return reply == OutOfOrder
}

// prepare brings the arguments up to date before an attempt.
func (c *Call) prepare(now time.Time, cluster bool, own []Text) {
	c.Cmd.SetErr(nil)
	if c.Read != nil {
		c.Read.SetErr(nil)
	}
	c.Until = time.Time{} // an attempt that failed is repeated without company
	c.SHA = c.Script.text(cluster, own).SHA
	if c.Waited != nil {
		*c.Waited = now.Sub(c.Started).Milliseconds()
	}
}

// add puts the call into a pipeline.
func (c *Call) add(ctx context.Context, pipe redis.Pipeliner) {
	_ = pipe.Process(ctx, c.Cmd)
	if c.Read != nil {
		_ = pipe.Process(ctx, c.Read)
	}
}
