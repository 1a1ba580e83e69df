package signaling

import (
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// settleAfterLoss is how long the instances have to restore their sessions after Redis lost them. A peer still missing then counts as gone.
const settleAfterLoss = 10 * time.Second

// sendStoreReplaced tells a rejoin.v1 client that recently confirmed messages may be missing, because replication is asynchronous (rule
// R9.1). The shard is locked.
func (a *Attachment) sendStoreReplaced() {
	if a.dialect != wire.RejoinV1 || a.state != live {
		return
	}
	ago := a.hub.sinceReplaced()
	a.sendFrame(func(dst []byte) []byte { return wire.AppendStoreReplaced(dst, ago.Milliseconds()) })
}

// sendIfReplaced does so for a client that was away meanwhile. The shard is locked.
func (a *Attachment) sendIfReplaced() {
	if a.hub.replacedLately() {
		a.sendStoreReplaced()
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

// restore attaches this session again with a fresh epoch, because the primary changed or lost it. It waits for a pending call, which may be
// answered by the previous primary. The shard is locked.
func (a *Attachment) restore() {
	if a.state != live || a.syncing || a.paused {
		a.catching, a.todo = a.state == live, todoRestore
		return
	}
	a.catching = true
	a.beginRead()
	request := streams.Attach{
		Room: a.room.String(), Session: a.sid.String(), Role: a.role().Text(), Dialect: byte(a.dialect), Keep: a.keeps(),
		NewClient: a.id.String(), After: a.last, User: a.user(),
	}
	if a.extra != nil {
		request.TokenHash, request.ResumeHash = a.extra.tokenHash, a.extra.olderTokenHash
	}
	a.hub.backbone.Restore(request, a.restored)
}

func (a *Attachment) restored(got streams.Attached, err error) {
	a.locked(func() {
		a.syncing = false
		switch {
		case a.state != live:
		case got.Verdict == streams.RestoreFenced:
			a.fencedBySync()
		case got.Verdict == streams.RestoreEnded:
			a.endedElsewhere()
		case err != nil || got.Verdict == streams.RoomFull:
			a.todo = todoRestore
			a.readLater(syncRetry)
		default:
			a.continueRestored(got)
			a.proceed()
		}
	})
}

// continueRestored goes on after a restore.
func (a *Attachment) continueRestored(got streams.Attached) {
	a.epoch, a.orderAnew = got.Epoch, true // recently confirmed messages may be lost
	if a.extra != nil {
		a.extra.chain.done = 0
	}
	a.hub.metrics.restored.Inc()
	if got.Verdict == streams.Fresh {
		// All instances with sessions in the room are rebuilding it: missing peers may still come.
		a.ensureExtra().settled = time.Now().Add(settleAfterLoss)
		a.hub.timers.after(settleAfterLoss, func() { a.locked(a.catchUp) })
	}
	a.version = 0 // a promoted replica may be behind
	a.overdue(lateOf(got.Undelivered))
	a.reconcile(got.Peers, got.Version, got.Undelivered)
	a.deliverPage(page{entries: got.Entries, more: got.More, last: got.Last})
}
