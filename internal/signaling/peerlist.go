package signaling

import (
	"sync"
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// The list of connected PeerJS ids, for PEERJS_DISCOVERY. An instance adds its own clients, and removes them when their connections end. If
// it dies, their entries expire.
const (
	listedFor   = 90 * time.Second // the time after which PeerServer considers a silent client gone
	listedAgain = listedFor / 3
)

// peerQueries are the requests for the list. Only one query to Redis runs at a time, however many requests there are: the list is long, and
// a request needs no WebSocket. A request that arrives during a query waits for the next one, because the running one may be stale.
type peerQueries struct {
	mu       sync.Mutex
	underWay bool // guarded by mu, like the fields below
	waiting  []func([]string, error)
}

// Peers lists the PeerJS ids connected to any instance.
func (h *Hub) Peers(done func(ids []string, err error)) {
	q := &h.peerQueries
	q.mu.Lock()
	q.waiting = append(q.waiting, done)
	q.mu.Unlock()
	h.askPeers()
}

// askPeers queries Redis for all waiting requests, unless a query is running.
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

// list adds a client to the list or removes it, if it is to be listed at all. The shard is locked.
func (a *Attachment) list(lasts time.Duration) {
	if a.hub.cfg.PeerJSDiscovery && a.dialect == wire.PeerJS && a.state == live {
		a.hub.backbone.ListPeers(a.hub.cfg.PeerJSKey, []streams.ListedPeer{a.listed()}, lasts)
	}
}

// listAgain renews the entries of all clients here before they expire.
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
