package signaling

import (
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// settleAfterLoss is how long the instances have to bring their sessions back after Redis lost them, before a
// peer that is still missing counts as gone.
const settleAfterLoss = 10 * time.Second

// sendStoreReplaced tells a rejoin.v1 client that what was confirmed to it of late may be missing: replication is asynchronous
// (rule R9.1). The shard is locked.
func (s *Attachment) sendStoreReplaced() {
	if s.dialect != wire.RejoinV1 || s.state != live {
		return
	}
	ago := s.hub.sinceReplaced()
	s.sendFrame(func(dst []byte) []byte { return wire.AppendStoreReplaced(dst, ago.Milliseconds()) })
}

// sendIfReplaced does so for a client that was away meanwhile. The shard is locked.
func (s *Attachment) sendIfReplaced() {
	if s.hub.replacedLately() {
		s.sendStoreReplaced()
	}
}

// sinceReplaced is how long ago another primary was last seen.
func (h *Hub) sinceReplaced() time.Duration {
	return time.Since(h.began) - time.Duration(h.replaced.Load())
}

// replacedLately reports whether another primary was seen within the grace window.
func (h *Hub) replacedLately() bool {
	return h.replaced.Load() != 0 && h.sinceReplaced() < h.backbone.Grace()
}

// restore attaches this session again with a fresh epoch: the primary changed, or lost it. What is under way is
// waited for: it may be an answer of the primary before. The shard is locked.
func (s *Attachment) restore() {
	if s.state != live || s.syncing || s.paused {
		s.catching, s.todo = s.state == live, todoRestore
		return
	}
	s.catching = true
	s.beginRead()
	a := streams.Attach{
		Room: s.room.String(), Session: s.sid.String(), Role: s.role().Text(), Dialect: byte(s.dialect), Keep: s.keeps(),
		NewClient: s.id.String(), After: s.last, User: s.user(),
	}
	if s.extra != nil {
		a.TokenHash, a.ResumeHash = s.extra.tokenHash, s.extra.olderTokenHash
	}
	s.hub.backbone.Restore(a, s.restored)
}

func (s *Attachment) restored(a streams.Attached, err error) {
	s.locked(func() {
		s.syncing = false
		switch {
		case s.state != live:
		case a.Verdict == streams.RestoreFenced:
			s.fencedBySync()
		case a.Verdict == streams.RestoreEnded:
			s.endedElsewhere()
		case err != nil || a.Verdict == streams.RoomFull:
			s.todo = todoRestore
			s.readLater(syncRetry)
		default:
			s.continueRestored(a)
			s.proceed()
		}
	})
}

// continueRestored goes on after a restore.
func (s *Attachment) continueRestored(a streams.Attached) {
	s.epoch, s.orderAnew = a.Epoch, true // what was confirmed lately may be lost
	if s.extra != nil {
		s.extra.chain.done = 0
	}
	s.hub.metrics.restored.Inc()
	if a.Verdict == streams.Fresh {
		// The room is being rebuilt by all who hold its sessions: who is not there yet may be on the way.
		s.ensureExtra().settled = time.Now().Add(settleAfterLoss)
		s.hub.timers.after(settleAfterLoss, func() { s.locked(s.catchUp) })
	}
	s.version = 0 // a promoted replica may be behind
	s.overdue(lateOf(a.Undelivered))
	s.reconcile(a.Peers, a.Version, a.Undelivered)
	s.deliverPage(page{entries: a.Entries, more: a.More, last: a.Last})
}
