package signaling

import (
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// The list of PeerJS ids that are connected, for PEERJS_DISCOVERY. An instance lists its own, and takes them from the list when their connections end. What it
// does not take away because it died is forgotten by itself.
const (
	listedFor   = 90 * time.Second // after which PeerServer takes a silent client for gone
	listedAgain = listedFor / 3
)

// Peers tells which PeerJS ids are connected, to any instance.
func (h *Hub) Peers(done func(ids []string, err error)) { h.backbone.Peers(h.cfg.PeerJSKey, done) }

func (s *Attachment) listed() streams.ListedPeer {
	return streams.ListedPeer{Session: s.sid.String(), ID: s.extra.posts.id}
}

// list lists a client, or takes it from the list, if it is one that is to be listed. The shard is locked.
func (s *Attachment) list(lasts time.Duration) {
	if s.hub.cfg.PeerJSDiscovery && s.dialect == wire.PeerJS && s.state == live {
		s.hub.backbone.ListPeers(s.hub.cfg.PeerJSKey, []streams.ListedPeer{s.listed()}, lasts)
	}
}

// listAgain lists all clients that are here, in time.
func (h *Hub) listAgain(now time.Time) {
	if !h.cfg.PeerJSDiscovery || now.Before(h.relist) {
		return
	}
	h.relist = now.Add(listedAgain)
	var all []streams.ListedPeer
	h.each(func(s *Attachment) {
		if s.dialect == wire.PeerJS && s.state == live {
			all = append(all, s.listed())
		}
	})
	h.backbone.ListPeers(h.cfg.PeerJSKey, all, listedFor)
}
