package signaling

import (
	"sync"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// A ghost is a session that Redis believes to be live at an instance that does not hold it: of an attach whose answer was lost and
// that was carried out late, say. Nothing else would end it, for its instance is well. So an instance that is rung for a session it
// does not have, or is told of one that it is said to hold, gives that up. This is the backstop for ghosts of any origin:
//
//	doorbell for a room, or a client, that is not here ──► claims: what am I said to hold in this room?
//	every Sync, every list of peers ─────────────────────────┴──► what I do not: detach, fenced by its number

// doubts are the rooms whose claims are being asked for.
type doubts struct {
	mu    sync.Mutex
	rooms map[wire.RoomID]bool
}

// maxDoubts bounds the questions under way; the next doorbell asks again.
const maxDoubts = 1024

func (d *doubts) begin(room wire.RoomID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.rooms == nil {
		d.rooms = map[wire.RoomID]bool{}
	}
	if d.rooms[room] || len(d.rooms) >= maxDoubts {
		return false
	}
	d.rooms[room] = true
	return true
}

func (d *doubts) end(room wire.RoomID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.rooms, room)
}

// askClaims asks what this instance is said to hold in a room, and gives up what it does not.
func (h *Hub) askClaims(room wire.RoomID) {
	if !h.doubts.begin(room) {
		return
	}
	h.backbone.Claims(room.String(), func(list []streams.Held, err error) {
		h.doubts.end(room)
		if err != nil {
			return // the next doorbell asks again
		}
		sh := h.shard(room)
		sh.mu.Lock()
		defer sh.mu.Unlock()
		sh.giveUpGhosts(h, room, list)
	})
}

// giveUpGhosts detaches the sessions of a room that this instance is said to hold and does not. One that is being attached
// is found by its number. The shard is locked.
func (sh *shard) giveUpGhosts(h *Hub, room wire.RoomID, list []streams.Held) {
	for _, held := range list {
		id, ok := wire.ParseClientID([]byte(held.Client))
		if !ok || sh.find(room, parseNumber(held.Session)) != nil {
			continue
		}
		h.metrics.ghosts.Inc()
		d := &detaching{hub: h, held: held, parting: streams.Parting{How: string(howLost)}, window: &windowKey{room, id}}
		d.begin()
	}
}
