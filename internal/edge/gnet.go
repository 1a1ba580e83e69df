//go:build unix && (!linux || gnet)

package edge

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/panjf2000/gnet/v2"
)

// engine is gnet's.
type engine struct {
	gnet   gnet.Engine
	adding sync.Mutex // held to add a loop
}

func newEngine() *engine { return &engine{} }

// run is where gnet's engine lives. It ends after stop, or when accepting fails for good.
func (e *engine) run(s *Server, addr *net.TCPAddr) error {
	return gnet.Run(&handler{srv: s}, targetOf(addr),
		gnet.WithNumEventLoop(s.cfg.Loops),
		gnet.WithMulticore(s.cfg.Loops > 1),
		// One listener per loop: each accepts one socket at a time, so that the bound on
		// descriptors holds, and no socket changes threads.
		gnet.WithReusePort(true),
		gnet.WithReuseAddr(true),
		gnet.WithTCPNoDelay(gnet.TCPNoDelay),
		gnet.WithSocketSendBuffer(kernelBuffer),
		gnet.WithSocketRecvBuffer(kernelBuffer),
		gnet.WithReadBufferCap(readBuffer),
		gnet.WithWriteBufferCap(writeBuffer),
		gnet.WithTicker(true),
		gnet.WithLogger(engineLog{s.log}),
	)
}

// writeBuffer is a threshold of gnet's, bytes.
const writeBuffer = 4 << 10

// stop has the loops end; the server's done tells when they have.
func (e *engine) stop() {
	// With an ended context gnet only starts to stop; it would poll for the end.
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_ = e.gnet.Stop(ended)
}

// poller is one of gnet's event loops.
type poller struct{ events gnet.EventLoop }

func (l *loop) wake() {
	// The error says that the engine is shutting down, and then every connection is closed anyway.
	_ = l.events.Execute(context.Background(), wakeTask{l})
}

// wakeTask is what a woken loop runs.
type wakeTask struct{ *loop }

func (t wakeTask) Run(context.Context) error {
	t.woken()
	return nil
}

func (l *loop) closeSocket(c *conn) {
	_ = l.events.Close(c.sock) // the error is about a socket that is no more
}

// socket is one of gnet's.
type socket struct{ sock gnet.Conn }

// noSocket is that of a connection that is gone.
func noSocket() socket { return socket{} }

func (c *conn) send(b []byte) error {
	_, err := c.sock.Write(b) // on an error the socket has been closed already
	return err
}

// look does nothing: gnet reads by itself.
func (l *loop) look(*conn) {}

// short is false: see OnOpen.
func (l *loop) short() bool { return false }

func (c *conn) unsent() int { return c.sock.OutboundBuffered() }

func (s socket) descriptor() int { return s.sock.Fd() }

// handler is what gnet calls. All but OnBoot and OnTick run on the loop of the connection.
type handler struct {
	gnet.BuiltinEventEngine
	srv *Server
}

// OnBoot is called when the first listener is bound, before the loops run.
func (h handler) OnBoot(engine gnet.Engine) gnet.Action {
	h.srv.engine.gnet = engine
	return gnet.None
}

// OnTick is called for the first time once the loops run.
func (h handler) OnTick() (time.Duration, gnet.Action) {
	h.srv.signalUp()
	h.srv.tick()
	return h.srv.pace.tick, gnet.None
}

// OnOpen is called for each accepted socket. gnet gives up when accept finds no free descriptor, so there has to be one always.
func (h handler) OnOpen(sock gnet.Conn) ([]byte, gnet.Action) {
	setUserTimeout(sock.Fd())
	peer, _ := netip.ParseAddrPort(sock.RemoteAddr().String())
	c, full := h.srv.loopOf(sock.EventLoop()).accepted(socket{sock}, peer.Addr().Unmap())
	sock.SetContext(c)
	if full {
		c.turnAway(dropCrowded)
	}
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
	c.received(data)
	if c.state != stateDead {
		_, _ = sock.Discard(-1)
	}
	return gnet.None
}

// OnClose is called before the socket is closed.
func (h handler) OnClose(sock gnet.Conn, _ error) gnet.Action {
	if c, _ := sock.Context().(*conn); c != nil {
		c.ended()
	}
	h.srv.forget()
	return gnet.None
}

// loopOf returns what the edge keeps beside an event loop, and makes it when the loop gets its first
// connection.
func (s *Server) loopOf(events gnet.EventLoop) *loop {
	find := func() *loop {
		for _, l := range *s.loops.Load() {
			if l.events == events {
				return l
			}
		}
		return nil
	}
	if l := find(); l != nil {
		return l
	}
	// Only the loop itself comes here for its own entry; the lock is against the others.
	s.engine.adding.Lock()
	defer s.engine.adding.Unlock()
	known := *s.loops.Load()
	l := newLoop(s, poller{events})
	grown := append(known[:len(known):len(known)], l)
	s.loops.Store(&grown)
	return l
}

// targetOf returns an address for gnet. To gnet [::] means IPv6 only, and no host means both: which
// net.Listen, and so addr, has only where the machine has both.
func targetOf(addr *net.TCPAddr) string {
	if addr.IP.IsUnspecified() && addr.IP.To4() == nil {
		return "tcp://:" + strconv.Itoa(addr.Port)
	}
	return "tcp://" + addr.String()
}
