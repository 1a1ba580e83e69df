package edge

import (
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/upgrade"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/internal/wsframe"
)

// readHead collects the head of the request. Bytes behind it in the same read are parsed as frames at once, because no further event will
// announce them.
func (c *conn) readHead(data []byte) {
	limit := c.loop.srv.cfg.MaxHeadBytes
	w := c.work
	from := len(w.head)
	head := data[:min(len(data), limit-from)]
	if from > 0 || upgrade.HeadEnd(head, 0) < 0 {
		w.head = append(wsframe.Grow(w.head, len(head), limit), head...)
		c.loop.countWork(w)
		head = w.head
	}
	end := upgrade.HeadEnd(head, from)
	if end < 0 {
		if !c.refuseForeign(head) && len(head) >= limit {
			c.respond(&upgrade.HeadTooBig)
		}
		return
	}
	c.request(head[:end])
	if c.state == stateOpen {
		c.loop.endWork(c)
		c.readFrames(data[end-from:])
	}
}

// refuseForeign answers a client whose first bytes are not HTTP/1, and reports whether it is one.
func (c *conn) refuseForeign(b []byte) bool {
	f := c.loop.srv.policy.Foreign(b)
	if f == nil {
		return false
	}
	f.Log(c.loop.srv.log, c.socket.Peer())
	c.respond(&f.Response)
	return true
}

// request answers a complete head, with 101 if the upgrade can be granted.
func (c *conn) request(head []byte) {
	srv := c.loop.srv
	r, ok := upgrade.Parse(head)
	if !ok {
		if !c.refuseForeign(head) {
			c.respond(&upgrade.BadRequest)
		}
		return
	}
	v := srv.policy.Judge(&r)
	switch {
	case v.Peers:
		c.respondPeers(&r)
	case v.Response != nil && r.IsHead():
		c.respondHead(v.Response)
	case v.Response != nil:
		c.respond(v.Response)
	case srv.refusing.Load() || srv.hub.Ready(v.Connect.Room) != nil:
		c.respond(&srv.unavailable)
	case c.socket.AtEnd():
		// A client that gave up on a slow attempt may be back on another connection already, and this one must not take its session
		// over.
		c.remove(dropGone)
	case c.admit(&r, &v):
		c.open(&r, &v)
	}
}

// admit counts an upgraded connection in. It answers the request if the client may not connect, or if there are too many.
func (c *conn) admit(r *upgrade.Request, v *upgrade.Verdict) bool {
	srv := c.loop.srv
	client, ok := srv.clients.ask(c, r)
	if !ok {
		c.respond(&srv.tooMany)
		return false
	}
	if denied := srv.authenticate(r, v); denied != nil {
		c.respond(denied)
		return false
	}
	if c.loop.ev.Short() || !srv.admit() {
		c.respond(&srv.unavailable)
		return false
	}
	c.flags.set(flagAdmitted) // counted out by remove
	if !srv.clients.add(c, client) {
		c.respond(&srv.tooMany)
		return false
	}
	return true
}

// open sends the 101, and hands the connection to the hub or tells the client why it is refused.
func (c *conn) open(r *upgrade.Request, v *upgrade.Verdict) {
	srv := c.loop.srv
	c.writeReply(upgrade.AppendSwitch(c.loop.reply[:0], r.Key, v.Offer.Accept))
	if c.state != stateHead {
		return // the write found the socket closed
	}
	c.state = stateOpen
	c.loop.table.add(c)
	if v.Refused != nil {
		srv.metrics.upgraded(upgradeRefused)
		if v.Last != "" { // PeerJS: Last says it all, and the close frame is empty, as PeerServer's
			c.Send([]byte(v.Last))
			c.queueClose(wire.CloseNoStatus, "", signaling.Closure{By: signaling.ClosedForCause})
			return
		}
		c.queueClose(wire.CloseUnsupported, v.Refused.Reason, signaling.Closure{By: signaling.ClosedForCause})
		return
	}
	srv.metrics.upgraded(upgradeAccepted)
	if v.Offer.Dialect == wire.PeerJS {
		c.flags.set(flagPeerJS)
	}
	c.session = srv.hub.Open(c, v.Connect, v.Offer)
}

// respondPeers asks for the list of PeerJS ids, and responds when it arrives, or when the head's deadline passes.
func (c *conn) respondPeers(r *upgrade.Request) {
	srv := c.loop.srv
	list := srv.policy.PeerList(r)
	head := r.IsHead()
	c.flags.set(flagAsked)
	srv.hub.Peers(func(ids []string, err error) {
		response := &srv.unavailable
		if err == nil {
			response = list(ids)
		}
		b := response.AppendHead(nil, time.Now())
		if !head {
			b = response.Append(nil, time.Now())
		}
		c.queueResponse(response.Status, b)
	})
}

// respond sends an HTTP response and closes.
func (c *conn) respond(r *upgrade.Response) {
	c.endWith(r.Status, r.Append(c.loop.reply[:0], time.Now()))
}

// respondHead does so to a HEAD request.
func (c *conn) respondHead(r *upgrade.Response) {
	c.endWith(r.Status, r.AppendHead(c.loop.reply[:0], time.Now()))
}

func (c *conn) endWith(status int, response []byte) {
	c.loop.srv.metrics.responded(status)
	c.loop.outbox.seal(c, signaling.Closure{})
	c.writeReply(response)
	c.linger()
}

// writeReply writes what comes before the first frame. It was never in the outbox, so it is not counted as waiting.
func (c *conn) writeReply(b []byte) {
	c.loop.reply = b
	c.waiting.Add(int32(len(b)))
	c.write(b)
}

// turnAway answers an incomplete head with 503, and closes without waiting for the client.
func (c *conn) turnAway(why dropReason) {
	c.respond(&c.loop.srv.unavailable)
	c.remove(why)
}
