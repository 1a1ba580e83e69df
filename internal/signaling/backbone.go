package signaling

import (
	"time"

	"github.com/rejoin-dev/rejoin/streams"
)

// Backbone is the part of streams.Backbone that this package uses; it is documented there. Nothing blocks, and no callback runs before its
// call has returned.
type Backbone interface {
	Ready() error
	Instance() string
	Serves(room string) error
	Grace() time.Duration
	CallTimeout() time.Duration
	Attach(streams.Attach, func(streams.Attached, error))
	Restore(streams.Attach, func(streams.Attached, error))
	Send(streams.Message, func(streams.Outcome, error))
	Post(streams.Post, func(streams.Posted, error))
	ListPeers(key string, peers []streams.ListedPeer, lasts time.Duration)
	Peers(key string, done func(ids []string, err error))
	Detach(streams.SessionRef, streams.Disconnect, func(streams.Holding, error))
	Ack(streams.SessionRef, streams.Position, func(streams.Holding, error))
	Undo(ref streams.SessionRef, reason string, done func(suspended string, err error))
	Claims(room string, done func([]streams.SessionRef, error))
	Leave(streams.SessionRef, streams.Disconnect, func(bool, error))
	Count(room, client string, t streams.Tally)
	Expire(room, client string, done func(time.Duration, error))
	Sync(streams.SessionRef, streams.Reading, func(streams.Synced, error))
	Overdue(room, client string, done func(time.Duration, error))
	Told(room, client string, list []streams.Undelivered, done func(error))
	Alive(streams.Probe)
	CheckPrimaries(done func())
}
