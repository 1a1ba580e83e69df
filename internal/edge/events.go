package edge

import (
	"time"

	"github.com/panjf2000/gnet/v2"
)

// handler is what gnet calls. All but OnBoot and OnTick run on the loop of the connection.
type handler struct {
	gnet.BuiltinEventEngine
	srv *Server
}

// OnBoot is called when the first listener is bound, before the loops run.
func (h handler) OnBoot(engine gnet.Engine) gnet.Action {
	h.srv.engine = engine
	return gnet.None
}

// OnTick is called for the first time once the loops run.
func (h handler) OnTick() (time.Duration, gnet.Action) {
	h.srv.signalUp()
	h.srv.sweep()
	return h.srv.pace.tick, gnet.None
}

// OnOpen is called for each accepted socket.
func (h handler) OnOpen(sock gnet.Conn) ([]byte, gnet.Action) {
	if h.srv.sockets.Add(1) > h.srv.maxSockets {
		// gnet gives up when accept finds no free descriptor, so there has to be one always.
		h.srv.metrics.drop(dropDescriptors)
		return nil, gnet.Close
	}
	l := h.srv.loopOf(sock.EventLoop())
	c := &conn{loop: l, sock: sock}
	sock.SetContext(c)
	setUserTimeout(sock.Fd())
	l.begin(c, h.srv.cfg.HandshakeTimeout)
	return nil, gnet.None
}

// OnTraffic is called with what was read. Everything is taken: nothing ever stays in gnet's buffer.
func (h handler) OnTraffic(sock gnet.Conn) gnet.Action {
	c, _ := sock.Context().(*conn)
	if c == nil {
		return gnet.Close
	}
	data, err := sock.Peek(-1)
	if err != nil {
		return gnet.Close
	}
	h.srv.metrics.received(len(data))
	c.loop.enter()
	c.quiet = 0
	if c.behind {
		c.settle(0) // the session may want to know whether there is room
	}
	switch c.state {
	case stateHead:
		c.readHead(data)
	case stateOpen:
		c.feed(data)
	case stateClosing, stateDead:
	}
	if c.state != stateDead {
		_, _ = sock.Discard(-1)
	}
	c.loop.leave()
	return gnet.None
}

// OnClose is called when the socket has been closed, also from within a write that failed.
func (h handler) OnClose(sock gnet.Conn, _ error) gnet.Action {
	defer h.srv.forget()
	c, _ := sock.Context().(*conn)
	if c == nil {
		return gnet.None
	}
	if c.admitted {
		h.srv.upgraded.Add(-1)
	}
	c.loop.enter()
	c.gone()
	c.loop.leave()
	return gnet.None
}
