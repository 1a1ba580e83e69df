package signaling

import (
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// sendICEServers sends a rejoin.v1 client the ICE servers with fresh credentials. The shard is locked.
func (a *Attachment) sendICEServers() {
	cfg := &a.hub.cfg
	if cfg.ICEServers == nil || a.dialect != wire.RejoinV1 {
		return
	}
	servers := cfg.ICEServers(a.id.String(), time.Now())
	a.sendFrame(func(dst []byte) []byte {
		return wire.AppendICEServers(dst, servers, int64(cfg.ICELifetime/time.Second))
	})
}

// renewICEServers sends fresh credentials to the clients of one shard that are due. It runs with the comparison with Redis, once per shard
// and SyncInterval; due is when that was scheduled.
func (h *Hub) renewICEServers(shard int, due time.Time) {
	if h.cfg.ICEServers == nil {
		return
	}
	h.shards[shard].each(func(s *Attachment) {
		if s.state == live && s.renewsICEServers(due) {
			s.sendICEServers()
		}
	})
}

// renewsICEServers reports whether another half lifetime has passed since the previous visit. So no state is kept per session, and
// credentials are renewed at half their lifetime, at most one SyncInterval late.
func (a *Attachment) renewsICEServers(visit time.Time) bool {
	half, every := a.hub.cfg.ICELifetime/2, a.hub.cfg.SyncInterval
	age := a.age(visit)
	return age >= half && age/half != (age-every)/half
}
