package signaling

import (
	"time"

	"github.com/rejoin-dev/rejoin/streams"
)

// settleAfterLoss is how long the instances have to bring their sessions back after Redis lost them, before a
// peer that is still missing counts as gone.
const settleAfterLoss = 10 * time.Second

// restore attaches this session again with a fresh epoch: the primary changed, or lost it. The shard is locked.
func (s *Session) restore() {
	s.catching = true
	if s.syncing || s.state != live {
		return
	}
	s.syncing = true
	a := streams.Attach{
		Room: s.room.String(), Session: string(s.sid[:]), Role: byte(s.role), Dialect: byte(s.dialect), Keep: s.keep,
		Resume: s.id.String(), After: s.last, NewClient: s.id.String(),
	}
	if s.extra != nil {
		a.TokenHash, a.ResumeHash = s.extra.tokenHash, s.extra.olderTokenHash
	}
	s.hub.backbone.Restore(a, s.restored)
}

func (s *Session) restored(a streams.Attached, err error) {
	s.locked(func() {
		s.syncing = false
		switch {
		case s.state != live:
		case err != nil:
			s.later(syncRetry)
		case a.Verdict == streams.Fenced:
			s.fence()
		case a.Verdict == streams.RoomFull:
			s.later(syncRetry)
		default:
			s.again(a)
		}
	})
}

// again goes on after a restore.
func (s *Session) again(a streams.Attached) {
	s.epoch = a.Epoch
	s.hub.metrics.restored.Inc()
	if a.Verdict == streams.Fresh {
		// The room is being rebuilt by all who hold its sessions: who is not there yet may be on the way.
		s.version = a.Version
		for _, p := range a.Peers {
			s.announce(s.learn(p))
		}
		time.AfterFunc(settleAfterLoss, func() { s.locked(s.catchUp) })
	} else {
		s.version = 0 // a promoted replica may be behind
		s.reconcile(a.Peers, a.Version)
	}
	s.page(a.Entries, a.More, a.Last)
}
