package signaling

import (
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// Bell implements streams.Handler.
func (h *Hub) Bell(b *streams.Bell) {
	if b.Kind == streams.BellAlive {
		h.probes.answered(b.Nonce, b.Client)
		return
	}
	room, ok := wire.ParseRoomID(b.Room)
	if !ok {
		return
	}
	client, ok := wire.ParseClientID([]byte(b.Client))
	if !ok {
		return
	}
	switch b.Kind {
	case streams.BellResumed, streams.BellLeft, streams.BellFenced:
		h.windows.stop(room, client)
	}
	sh := h.shard(room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	switch b.Kind {
	case streams.BellData:
		sh.ring(room, client, b)
	case streams.BellFenced:
		if s := sh.find(room, client, b.Session); s != nil {
			s.fence()
		}
	case streams.BellProbe:
		if s := sh.find(room, client, b.Session); s != nil {
			s.probe(b)
		}
	default:
		sh.presence(room, b)
	}
}

func (sh *shard) ring(room wire.RoomID, client wire.ClientID, b *streams.Bell) {
	for s := sh.rooms[room]; s != nil; s = s.next {
		if s.state == attaching {
			s.opening.resync = true // it may be this one's: its client ID is not known yet
		} else if s.id == client {
			s.rung(b.ID, b.Body)
		}
	}
}

func (sh *shard) presence(room wire.RoomID, b *streams.Bell) {
	for s := sh.rooms[room]; s != nil; s = s.next {
		if s.state == live {
			s.presence(b)
			continue
		}
		if len(s.opening.bells) < openingMessages {
			s.opening.bells = append(s.opening.bells, *b)
		} else {
			s.opening.resync = true
		}
	}
}

// Instances implements streams.Handler: the clients of an instance without a lease are detached on its behalf.
// One that was not seen yet gets a second renewal's time: a doorbell may be faster than the list.
func (h *Hub) Instances(lease map[string]bool) {
	gone := map[string]bool{}
	orphans := map[streams.Held]bool{}
	h.each(func(s *Session) {
		for i := range s.peers {
			p := &s.peers[i]
			if p.suspended || lease[p.instance] {
				continue
			}
			gone[p.instance] = true
			if h.missing[p.instance] > 0 {
				orphans[streams.Held{Room: s.room.String(), Client: p.id.String(), Session: p.session}] = true
			}
		}
	})
	for inst := range h.missing {
		if !gone[inst] {
			delete(h.missing, inst)
		}
	}
	for inst := range gone {
		h.missing[inst]++
	}
	for held := range orphans {
		h.backbone.Detach(held, streams.EntryID{}, func(streams.Hold, error) {}) // tried again at the next renewal
	}
}
