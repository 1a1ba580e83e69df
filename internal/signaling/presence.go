package signaling

import (
	"time"
	"unique"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// learn updates a peer from Redis and returns it; what this session has been told about it is kept.
func (a *Attachment) learn(p streams.Peer) *peer {
	id, _ := wire.ParseClientID([]byte(p.Client))
	known := a.peer(id)
	if known == nil {
		a.peers = append(a.peers, peer{id: id})
		known = &a.peers[len(a.peers)-1]
	}
	known.session, known.instance, known.suspended = parseNumber(p.Session), unique.Make(p.Instance), p.Suspended
	if p.User != "" {
		known.user = unique.Make(p.User)
	}
	if p.Suspended {
		a.hub.windows.watch(a.room, id, p.Left)
	}
	return known
}

// presenceBell applies one doorbell about a member of the room. The shard is locked.
func (a *Attachment) presenceBell(b *streams.Bell) {
	if a.state != live || b.Role != a.role().OppositeText() || uint32(b.Version) <= a.version {
		return
	}
	id, ok := wire.ParseClientID([]byte(b.Client))
	if !ok || id == a.id { // an equal gets its own doorbell when a peer shares its instance
		return
	}
	a.version = uint32(b.Version)
	if b.Kind == streams.BellLeft {
		a.peerLeft(id, b.WindowOver, b.Undelivered)
		return
	}
	p := a.learn(streams.Peer{
		Client: b.Client, Suspended: b.Kind == streams.BellSuspended, Left: b.Left,
		Session: b.Session, Instance: b.Instance, User: b.User,
	})
	a.announceChange(p)
}

// announceChange tells the client what changed about p since the last announcement.
func (a *Attachment) announceChange(p *peer) {
	switch {
	case p.suspended && p.announced && !p.toldSuspended:
		p.toldSuspended = true
		if a.dialect == wire.RejoinV1 {
			a.sendPeer(wire.Suspended, p.id)
		}
	case p.suspended:
	case !p.announced:
		p.announced = true
		a.sendJoined(p)
	case p.toldSuspended:
		p.toldSuspended = false
		if a.dialect == wire.RejoinV1 {
			a.sendPeer(wire.Resumed, p.id)
		}
	}
}

func (a *Attachment) peerLeft(id wire.ClientID, windowOver bool, undelivered []streams.Undelivered) {
	p := a.peer(id)
	if p == nil {
		return
	}
	gone := *p
	newer := a.newerLive(id)
	a.dropPeer(id)
	switch {
	case !gone.announced:
	case a.dialect == wire.RejoinV1:
		list := a.undeliveredOf(undelivered)
		a.sendFrame(func(dst []byte) []byte { return wire.AppendDisconnected(dst, id, list) })
	case windowOver && newer:
		// A JS client would drop its connection to the newer one too (PROTOCOL.md part 3).
	default:
		a.sendPeer(wire.Disconnected, id)
	}
}

// newerLive reports whether a live client that was announced joined after id.
func (a *Attachment) newerLive(id wire.ClientID) bool {
	for i := len(a.peers) - 1; i >= 0 && a.peers[i].id != id; i-- {
		if a.peers[i].announced && !a.peers[i].suspended {
			return true
		}
	}
	return false
}

// undeliveredOf picks the request IDs of this session's own messages.
func (a *Attachment) undeliveredOf(list []streams.Undelivered) [][]byte {
	var own [][]byte
	me := a.id.String()
	for _, u := range list {
		if u.Client == me {
			own = append(own, []byte(u.RequestID))
		}
	}
	return own
}

// undeliveredTo picks the messages that one peer never got, as its doorbell would have reported.
func (a *Attachment) undeliveredTo(peer wire.ClientID, list []streams.Undelivered) []streams.Undelivered {
	var own []streams.Undelivered
	for _, u := range list {
		if id, ok := wire.ParseClientID([]byte(u.Client)); ok && id == peer && !u.Late {
			own = append(own, streams.Undelivered{Client: a.id.String(), RequestID: u.RequestID})
		}
	}
	return own
}

// reconcile compares the peers this session knows with those present at the given version of the room. undelivered is what missed doorbells
// about ended sessions would have reported.
func (a *Attachment) reconcile(now []streams.Peer, version uint64, undelivered []streams.Undelivered) {
	if uint32(version) < a.version {
		return // a later doorbell is newer
	}
	a.version = uint32(version)
	present := map[wire.ClientID]bool{}
	for _, p := range now {
		if id, ok := wire.ParseClientID([]byte(p.Client)); ok {
			present[id] = true
		}
	}
	settling := a.extra != nil && time.Now().Before(a.extra.settled)
	for i := 0; i < len(a.peers); {
		if id := a.peers[i].id; !present[id] && !settling {
			a.peerLeft(id, a.peers[i].suspended, a.undeliveredTo(id, undelivered))
			continue
		}
		i++
	}
	for _, p := range now {
		a.announceChange(a.learn(p))
	}
}
