// Baseline is the yardstick of the load test: a plain relay over Redis pub/sub, without mailboxes, presence, validation or
// replay, on the same event loop and Redis client as Rejoin. It speaks just enough of the plain dialect for the load, and what can
// be done for its speed is: the sender's instance builds the receiver's frame, and publishes are gathered into pipelines.
//
//	sender ─ws─► loop ─► queue ─► pipeline of PUBLISH ─► channel of the receiver ─► its instance ─ws─► receiver
//	       ◄─ confirmation ─────────────┘ (there was a subscriber)
package main

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"log"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/internal/evloop"
)

const maxBatch = 512

type relay struct {
	rdb     *redis.Client
	sub     *redis.PubSub
	queue   chan publication
	clients sync.Map // client ID → *client
}

type publication struct {
	from             *client
	to, frame, asked string // asked: the requestId
}

// loop is an event loop and what other goroutines have for its clients.
type loop struct {
	relay *relay
	ev    *evloop.Loop

	mu  sync.Mutex
	out []output // guarded by mu
}

type output struct {
	to    *client
	frame []byte
}

// client is one connection, owned by its loop.
type client struct {
	loop   *loop
	socket evloop.Socket
	id     string // "" before the upgrade
	in     []byte // what is incomplete
}

func main() {
	opt, err := redis.ParseURL(os.Getenv("REDIS_URL"))
	if err != nil {
		log.Fatal(err)
	}
	rdb := redis.NewClient(opt)
	r := &relay{rdb: rdb, sub: rdb.Subscribe(context.Background()), queue: make(chan publication, 1<<16)}
	go r.publish()
	go r.deliver()
	group, err := evloop.Listen(context.Background(), evloop.Config{
		Addr: net.JoinHostPort(os.Getenv("HOST"), os.Getenv("PORT")), Loops: runtime.GOMAXPROCS(0), Tick: time.Second, Log: slog.Default(),
	}, func(ev *evloop.Loop) evloop.Handler { return &loop{relay: r, ev: ev} })
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(group.Run())
}

// publish gathers what waits into one pipeline, and confirms what a subscriber received.
func (r *relay) publish() {
	ctx := context.Background()
	batch := make([]publication, 0, maxBatch)
	replies := make([]*redis.IntCmd, 0, maxBatch)
	for first := range r.queue {
		batch, replies = append(batch[:0], first), replies[:0]
		for len(batch) < maxBatch && len(r.queue) > 0 {
			batch = append(batch, <-r.queue)
		}
		pipe := r.rdb.Pipeline()
		for _, p := range batch {
			replies = append(replies, pipe.Publish(ctx, p.to, p.frame))
		}
		_, _ = pipe.Exec(ctx) // each reply has its own error
		for i, p := range batch {
			info := "confirmation"
			if replies[i].Val() == 0 {
				info = "missingRemoteClientError"
			}
			p.from.send(frame(`{"info":"`+info+`","requestId":"`, p.asked, `"}`))
		}
	}
}

// deliver writes what is published for the clients here.
func (r *relay) deliver() {
	for {
		m, err := r.sub.ReceiveMessage(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		if c, ok := r.clients.Load(m.Channel); ok {
			c.(*client).send([]byte(m.Payload))
		}
	}
}

// send has the loop write a frame; any goroutine may call it.
func (c *client) send(frame []byte) {
	l := c.loop
	l.mu.Lock()
	l.out = append(l.out, output{c, frame})
	first := len(l.out) == 1
	l.mu.Unlock()
	if first {
		l.ev.Post(1)
	}
}

// Do writes what is there for this loop's clients.
func (l *loop) Do(evloop.Task) {
	l.mu.Lock()
	out := l.out
	l.out = nil
	l.mu.Unlock()
	for _, o := range out {
		o.to.write(o.frame)
	}
}

func (l *loop) Accepted(s evloop.Socket, _ netip.Addr) (evloop.Conn, bool) {
	return &client{loop: l, socket: s}, false
}

func (l *loop) FreeDescriptor() bool { return false }

func (c *client) write(b []byte) {
	if c.socket.Descriptor() >= 0 && c.loop.ev.Write(&c.socket, b) != nil {
		c.Lost()
	}
}

func (c *client) Writable() {
	if c.loop.ev.Flush(&c.socket) != nil {
		c.Lost()
	}
}

func (c *client) Lost() {
	if c.id != "" {
		c.loop.relay.clients.Delete(c.id)
		_ = c.loop.relay.sub.Unsubscribe(context.Background(), c.id)
	}
	c.loop.ev.Close(&c.socket)
}

func (c *client) Received(b []byte) {
	if len(c.in) > 0 {
		b = append(c.in, b...)
	}
	if c.id == "" {
		end := bytes.Index(b, []byte("\r\n\r\n"))
		if end < 0 {
			c.keep(b)
			return
		}
		if !c.open(b[:end]) {
			c.Lost()
			return
		}
		b = b[end+4:]
	}
	for {
		op, mask, payload, size := parse(b)
		if size == 0 {
			c.keep(b)
			return
		}
		b = b[size:]
		switch op {
		case ws.OpClose:
			c.Lost()
			return
		case ws.OpText:
			ws.Cipher(payload, mask, 0)
			asked := field(payload, `"requestId":"`)
			c.loop.relay.queue <- publication{
				c, field(payload, `"targetClientId":"`),
				string(frame(`{"info":"remoteData","data":`, string(payload), `,"remoteClientId":"`, c.id, `","requestId":"`, asked, `"}`)), asked,
			}
		}
	}
}

// keep keeps what is incomplete.
func (c *client) keep(b []byte) { c.in = append(c.in[:0:0], b...) }

// open answers an upgrade. IDs follow from room and role, so that the two of a room know each other's at once.
func (c *client) open(head []byte) bool {
	const key = "Sec-WebSocket-Key: "
	at := bytes.Index(head, []byte(key))
	if at < 0 || len(head) < at+len(key)+24 || len(head) < 70 {
		return false
	}
	sum := sha1.Sum(append(head[at+len(key):][:24:24], "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	room, own, peer := string(head[5:36]), "a", "b"
	if bytes.Contains(head[:bytes.IndexByte(head, '\n')], []byte("source=wallet")) {
		own, peer = peer, own
	}
	c.id = uuid(own + room)
	c.loop.relay.clients.Store(c.id, c)
	if err := c.loop.relay.sub.Subscribe(context.Background(), c.id); err != nil {
		log.Fatal(err)
	}
	c.write(append([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
		base64.StdEncoding.EncodeToString(sum[:])+"\r\n\r\n"), frame(`{"info":"remoteClientIsAlreadyConnected","remoteClientId":"`, uuid(peer+room), `"}`)...))
	return true
}

func uuid(s string) string {
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:32]
}

func field(b []byte, name string) string {
	_, rest, _ := bytes.Cut(b, []byte(name))
	value, _, _ := bytes.Cut(rest, []byte{'"'})
	return string(value)
}

// parse takes a client frame under 64 KiB off the front of b; size 0: it is incomplete.
func parse(b []byte) (op ws.OpCode, mask [4]byte, payload []byte, size int) {
	if len(b) < 6 {
		return 0, mask, nil, 0
	}
	n, at := int(b[1]&0x7f), 2
	if n == 126 {
		n, at = int(binary.BigEndian.Uint16(b[2:])), 4
	}
	if len(b) < at+4+n {
		return 0, mask, nil, 0
	}
	copy(mask[:], b[at:])
	return ws.OpCode(b[0] & 0xf), mask, b[at+4 : at+4+n], at + 4 + n
}

// frame returns a text frame under 64 KiB of these parts.
func frame(parts ...string) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	b := make([]byte, 0, 4+n)
	if n < 126 {
		b = append(b, 0x81, byte(n))
	} else {
		b = append(b, 0x81, 126, byte(n>>8), byte(n))
	}
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}
