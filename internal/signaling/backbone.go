package signaling

import (
	"time"

	"github.com/rejoin-dev/rejoin/streams"
)

// Backbone is what this package needs of streams.Backbone, which documents it. Nothing blocks, and no callback
// runs before its call has returned.
type Backbone interface {
	Ready() error
	Instance() string
	Serves(room string) error
	Grace() time.Duration
	CallTimeout() time.Duration
	Attach(streams.Attach, func(streams.Attached, error))
	Restore(streams.Attach, func(streams.Attached, error))
	Send(streams.Message, func(streams.Outcome, error))
	Detach(streams.Held, streams.Parting, func(streams.Hold, error))
	Ack(streams.Held, streams.EntryID, func(streams.Hold, error))
	Undo(room, session, clientID, how string, done func(waits string, err error))
	Claims(room string, done func([]streams.Held, error))
	Leave(streams.Held, streams.Parting, func(bool, error))
	Count(room, client string, t streams.Tally)
	Expire(room, client string, done func(time.Duration, error))
	Sync(streams.Held, streams.Reading, func(streams.Synced, error))
	Overdue(room, client string, done func(time.Duration, error))
	Alive(room, replyTo, nonce, client string)
	CheckPrimaries(done func())
}
