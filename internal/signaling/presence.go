package signaling

import (
	"time"
	"unique"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// learn takes over what Redis says of a peer and returns it; what this session was told of it stays.
func (s *Attachment) learn(p streams.Peer) *peer {
	id, _ := wire.ParseClientID([]byte(p.Client))
	known := s.peer(id)
	if known == nil {
		s.peers = append(s.peers, peer{id: id})
		known = &s.peers[len(s.peers)-1]
	}
	known.session, known.instance, known.suspended = parseNumber(p.Session), unique.Make(p.Instance), p.Suspended
	if p.User != "" {
		known.user = unique.Make(p.User)
	}
	if p.Suspended {
		s.hub.windows.watch(s.room, id, p.Left)
	}
	return known
}

// presenceBell applies one doorbell about a member of the room. The shard is locked.
func (s *Attachment) presenceBell(b *streams.Bell) {
	if s.state != live || b.Role != s.role().OppositeText() || uint32(b.Version) <= s.version {
		return
	}
	id, ok := wire.ParseClientID([]byte(b.Client))
	if !ok || id == s.id { // an equal gets its own doorbell when a peer shares its instance
		return
	}
	s.version = uint32(b.Version)
	if b.Kind == streams.BellLeft {
		s.peerLeft(id, b.WindowOver, b.Undelivered)
		return
	}
	p := s.learn(streams.Peer{
		Client: b.Client, Suspended: b.Kind == streams.BellSuspended, Left: b.Left,
		Session: b.Session, Instance: b.Instance, User: b.User,
	})
	s.announceChange(p)
}

// announceChange sends the client what changed about p since it last heard.
func (s *Attachment) announceChange(p *peer) {
	switch {
	case p.suspended && p.announced && !p.toldSuspended:
		p.toldSuspended = true
		if s.dialect == wire.RejoinV1 {
			s.sendPeer(wire.Suspended, p.id)
		}
	case p.suspended:
	case !p.announced:
		p.announced = true
		s.sendJoined(p)
	case p.toldSuspended:
		p.toldSuspended = false
		if s.dialect == wire.RejoinV1 {
			s.sendPeer(wire.Resumed, p.id)
		}
	}
}

func (s *Attachment) peerLeft(id wire.ClientID, windowOver bool, undelivered []streams.Undelivered) {
	p := s.peer(id)
	if p == nil {
		return
	}
	gone := *p
	newer := s.newerLive(id)
	s.dropPeer(id)
	switch {
	case !gone.announced:
	case s.dialect == wire.RejoinV1:
		list := s.undeliveredOf(undelivered)
		s.sendFrame(func(dst []byte) []byte { return wire.AppendDisconnected(dst, id, list) })
	case windowOver && newer:
		// A JS client would drop its connection to the newer one too (PROTOCOL.md part 3).
	default:
		s.sendPeer(wire.Disconnected, id)
	}
}

// newerLive reports whether a live client that was announced joined after id.
func (s *Attachment) newerLive(id wire.ClientID) bool {
	for i := len(s.peers) - 1; i >= 0 && s.peers[i].id != id; i-- {
		if s.peers[i].announced && !s.peers[i].suspended {
			return true
		}
	}
	return false
}

// undeliveredOf picks the request IDs of this session's own messages.
func (s *Attachment) undeliveredOf(list []streams.Undelivered) [][]byte {
	var own [][]byte
	me := s.id.String()
	for _, u := range list {
		if u.Client == me {
			own = append(own, []byte(u.RequestID))
		}
	}
	return own
}

// undeliveredTo picks what one peer never got, as its doorbell would have told.
func (s *Attachment) undeliveredTo(peer wire.ClientID, list []streams.Undelivered) []streams.Undelivered {
	var own []streams.Undelivered
	for _, u := range list {
		if id, ok := wire.ParseClientID([]byte(u.Client)); ok && id == peer && !u.Late {
			own = append(own, streams.Undelivered{Client: s.id.String(), RequestID: u.RequestID})
		}
	}
	return own
}

// reconcile compares what this session knows with who is there at the given version of the room. undelivered is what the doorbell of
// an end would have told, had it been heard.
func (s *Attachment) reconcile(now []streams.Peer, version uint64, undelivered []streams.Undelivered) {
	if uint32(version) < s.version {
		return // a doorbell that came since knows better
	}
	s.version = uint32(version)
	present := map[wire.ClientID]bool{}
	for _, p := range now {
		if id, ok := wire.ParseClientID([]byte(p.Client)); ok {
			present[id] = true
		}
	}
	settling := s.extra != nil && time.Now().Before(s.extra.settled)
	for i := 0; i < len(s.peers); {
		if id := s.peers[i].id; !present[id] && !settling {
			s.peerLeft(id, s.peers[i].suspended, s.undeliveredTo(id, undelivered))
			continue
		}
		i++
	}
	for _, p := range now {
		s.announceChange(s.learn(p))
	}
}
