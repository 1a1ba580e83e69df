package signaling

import (
	"sync"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// A ghost is a session that Redis believes to be live at an instance that does not hold it, for example after an attach that ran late and
// whose answer was lost. Nothing else would end it, because its instance is healthy. So an instance detaches a session that it does not
// have when it gets a doorbell for it, or learns that Redis places it there. This is the backstop for ghosts of any origin:
//
//	doorbell for a room, or a client, that is not here ──► claims: what am I said to hold in this room?
//	every Sync, every list of peers ─────────────────────────┴──► what I do not: detach, fenced by its number

// claimQueries are the rooms with a query for claims pending.
type claimQueries struct {
	mu    sync.Mutex
	rooms map[wire.RoomID]bool
}

// maxClaimQueries bounds the pending queries; the next doorbell asks again.
const maxClaimQueries = 1024

func (d *claimQueries) begin(room wire.RoomID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.rooms == nil {
		d.rooms = map[wire.RoomID]bool{}
	}
	if d.rooms[room] || len(d.rooms) >= maxClaimQueries {
		return false
	}
	d.rooms[room] = true
	return true
}

func (d *claimQueries) end(room wire.RoomID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.rooms, room)
}

// askClaims asks which sessions of a room Redis places with this instance, and detaches those it does not hold.
func (h *Hub) askClaims(room wire.RoomID) {
	if !h.claimQueries.begin(room) {
		return
	}
	h.backbone.Claims(room.String(), func(list []streams.SessionRef, err error) {
		h.claimQueries.end(room)
		if err != nil {
			return // the next doorbell asks again
		}
		sh := h.shard(room)
		sh.mu.Lock()
		defer sh.mu.Unlock()
		sh.detachGhosts(h, room, list)
	})
}

// detachGhosts detaches the sessions of a room that Redis places with this instance but that it does not hold. An attaching session is
// found by its number. The shard is locked.
func (sh *shard) detachGhosts(h *Hub, room wire.RoomID, list []streams.SessionRef) {
	for _, held := range list {
		id, ok := wire.ParseClientID([]byte(held.Client))
		if !ok || sh.find(room, parseNumber(held.Session)) != nil {
			continue
		}
		h.metrics.ghosts.Inc()
		d := &detaching{hub: h, ref: held, disconnect: streams.Disconnect{Reason: string(endLost)}, window: &windowKey{room, id}}
		d.begin()
	}
}
