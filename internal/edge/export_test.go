package edge

import (
	"log/slog"
	"unsafe"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// ConnSize is what every idle connection holds of this package's, in bytes.
const ConnSize = unsafe.Sizeof(conn{})

// Feeder is a connection without a socket: bytes in, frames out, on the caller's goroutine.
type Feeder struct {
	c   *conn
	in  []byte
	out []byte
}

// NewFeeder makes an open connection of hub.
func NewFeeder(cfg Config, hub Hub) *Feeder {
	srv, err := New(cfg, hub, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		panic(err)
	}
	l := newLoop(srv, poller{})
	f := &Feeder{c: &conn{loop: l, state: stateOpen, socket: noSocket()}}
	l.list(f.c)
	l.in.arm()
	f.c.session = hub.Open(f.c, wire.Connect{}, wire.Offer{})
	return f
}

// Feed gives it what a socket would have read. b is not changed.
func (f *Feeder) Feed(b []byte) {
	f.in = append(f.in[:0], b...)
	f.c.feed(f.in)
	f.flush()
}

func (f *Feeder) flush() {
	b := f.c.loop.in.take()
	f.c.loop.in.arm()
	if b == nil {
		return
	}
	f.out = append(f.out, b.arena...)
	f.c.waiting.Add(-int32(len(b.arena)))
	b.reset(nil)
}

// Out returns and forgets what it would have written.
func (f *Feeder) Out() []byte {
	out := f.out
	f.out = f.out[:0]
	return out
}

// Buffered returns the bytes that it holds of incomplete messages.
func (f *Feeder) Buffered() int64 { return f.c.loop.srv.cfg.Buffers.Held() }

// DescriptorOf is that of an open connection, of the server's side.
func DescriptorOf(c signaling.Conn) int { return c.(*conn).descriptor() }

// NewHandshake returns a function that does for a head all but the socket: it returns the answer to an upgrade, valid until the next
// call, nil for what gets none.
func NewHandshake(cfg Config, hub Hub) func(b []byte) []byte {
	srv, err := New(cfg, hub, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		panic(err)
	}
	var answer []byte
	return func(b []byte) []byte {
		end := headEnd(b, 0)
		if end < 0 {
			return nil
		}
		h, ok := parseHead(b[:end])
		if !ok {
			return nil
		}
		if _, _, a := srv.judge(&h, wire.ParseSubprotocols(h.protocols...).Dialect); a != nil {
			return nil
		}
		answer = appendSwitch(answer[:0], h.key, wire.ParseSubprotocols(h.protocols...).Accept)
		return answer
	}
}

// Judge reads a request head that is at the start of b, looking for its end again after each of the splits. It
// returns where the head ends, -1 if it does not, and what it is answered: 101 for an upgrade, refused by a
// close frame or not.
func Judge(cfg Config, hub Hub, b []byte, splits ...int) (end, status int) {
	srv, err := New(cfg, hub, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		panic(err)
	}
	end = -1
	from := 0
	for _, split := range append(splits, len(b)) {
		if end = headEnd(b[:split], from); end >= 0 {
			break
		}
		from = split
	}
	if end < 0 {
		return end, 0
	}
	h, ok := parseHead(b[:end])
	if !ok {
		return end, 400
	}
	_, _, a := srv.judge(&h, wire.ParseSubprotocols(h.protocols...).Dialect)
	if a != nil {
		return end, a.status
	}
	return end, 101
}
