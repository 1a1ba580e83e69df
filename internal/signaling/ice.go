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

// renewICEServers sends fresh credentials to the clients of one shard whose turn it is. It rides on the comparison with
// Redis, which comes to each shard once in SyncInterval: due is the moment at which that was to be.
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

// renewsICEServers reports whether half a lifetime, or one more half, has passed since the visit before this one. So nothing
// is remembered per session, and credentials are renewed when they are half a lifetime and at most one SyncInterval old.
func (a *Attachment) renewsICEServers(visit time.Time) bool {
	half, every := a.hub.cfg.ICELifetime/2, a.hub.cfg.SyncInterval
	age := a.age(visit)
	return age >= half && age/half != (age-every)/half
}
