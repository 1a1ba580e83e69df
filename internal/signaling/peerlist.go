package signaling

import (
	"sync"
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

// peerQueries are the requests for the list. Redis is asked for it once at a time, however many requests there are: the list is long, and a request
// needs no WebSocket. One that comes while Redis is being asked waits for the next answer, because this one may be too old.
type peerQueries struct {
	mu       sync.Mutex
	underWay bool // guarded by mu, as what follows
	waiting  []func([]string, error)
}

// Peers tells which PeerJS ids are connected, to any instance.
func (h *Hub) Peers(done func(ids []string, err error)) {
	q := &h.peerQueries
	q.mu.Lock()
	q.waiting = append(q.waiting, done)
	q.mu.Unlock()
	h.askPeers()
}

// askPeers asks Redis for all requests that wait, unless it is being asked.
func (h *Hub) askPeers() {
	q := &h.peerQueries
	q.mu.Lock()
	if q.underWay || len(q.waiting) == 0 {
		q.mu.Unlock()
		return
	}
	all := q.waiting
	q.underWay, q.waiting = true, nil
	q.mu.Unlock()
	h.backbone.Peers(h.cfg.PeerJSKey, func(ids []string, err error) {
		for _, done := range all {
			done(ids, err)
		}
		q.mu.Lock()
		q.underWay = false
		q.mu.Unlock()
		h.askPeers()
	})
}

func (a *Attachment) listed() streams.ListedPeer {
	return streams.ListedPeer{Session: a.sid.String(), ID: a.extra.posts.id}
}

// list lists a client, or takes it from the list, if it is one that is to be listed. The shard is locked.
func (a *Attachment) list(lasts time.Duration) {
	if a.hub.cfg.PeerJSDiscovery && a.dialect == wire.PeerJS && a.state == live {
		a.hub.backbone.ListPeers(a.hub.cfg.PeerJSKey, []streams.ListedPeer{a.listed()}, lasts)
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
