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
	case streams.BellResumed, streams.BellLeft, streams.BellFenced, streams.BellRemoved:
		h.windows.stop(room, client)
	}
	sh := h.shard(room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	here := true
	switch b.Kind {
	case streams.BellData:
		here = sh.mailboxBell(room, client, b)
	case streams.BellFenced, streams.BellRemoved, streams.BellProbe, streams.BellOverdue:
		if s := sh.find(room, parseNumber(b.Session)); s != nil {
			s.directBell(b)
		} else if b.Kind == streams.BellProbe {
			h.answerAbsent(b)
		}
	default:
		here = sh.presenceBell(room, b)
	}
	if !here {
		h.askClaims(room)
	}
}

// directBell handles a doorbell about this connection. The shard is locked.
func (a *Attachment) directBell(b *streams.Bell) {
	switch {
	case b.Kind == streams.BellRemoved:
		a.removedByOperator()
	case a.state == attaching && b.Kind == streams.BellFenced:
		a.opening().fenced = b.Client // checked once it knows its client ID
		a.todo = max(a.todo, todoSync)
	case a.state == attaching:
		a.keepBell(b) // the pong of a connection that is being attached counts too
	case b.Kind == streams.BellFenced:
		a.fence()
	case b.Kind == streams.BellOverdue:
		a.overdue(b.Undelivered)
	default:
		a.probe(b)
	}
}

// keepBell keeps a doorbell until the session is attached.
func (a *Attachment) keepBell(b *streams.Bell) {
	if o := a.opening(); len(o.bells) < openingMessages {
		o.bells = append(o.bells, *b)
		return
	}
	a.todo = max(a.todo, todoSync)
}

// mailboxBell handles a doorbell about a mailbox. It reports whether its client is here, or may be.
func (sh *shard) mailboxBell(room wire.RoomID, client wire.ClientID, b *streams.Bell) (here bool) {
	for s := range sh.of(room) {
		if s.state == attaching {
			s.todo = max(s.todo, todoSync) // it may be this one's: its client ID is not known yet
			here = true
		} else if s.id == client {
			s.mailboxBell(streams.Entry{ID: b.ID, Body: b.Body, Trace: b.Trace})
			here = true
		}
	}
	return here
}

// presenceBell handles a doorbell about a member of a room. It reports whether any session of that room is here.
func (sh *shard) presenceBell(room wire.RoomID, b *streams.Bell) (here bool) {
	for s := range sh.of(room) {
		here = true
		if s.state == live {
			s.presenceBell(b)
		} else {
			s.keepBell(b)
		}
	}
	return here
}

// Instances implements streams.Handler: the clients of an instance without a lease are detached on its behalf. An instance not seen before
// gets one more renewal: a doorbell may be faster than the list.
func (h *Hub) Instances(lease map[string]bool) {
	gone := map[string]bool{}
	orphans := map[streams.SessionRef]bool{}
	h.each(func(s *Attachment) {
		for i := range s.peers {
			p := &s.peers[i]
			inst := p.instance.Value()
			if p.suspended || lease[inst] {
				continue
			}
			gone[inst] = true
			if h.missing[inst] > 0 {
				orphans[streams.SessionRef{Room: s.room.String(), Client: p.id.String(), Session: p.session.String()}] = true
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
		h.backbone.Detach(held, streams.Disconnect{Reason: string(endInstanceLost)}, func(streams.Holding, error) {}) // tried again at the next renewal
	}
}
