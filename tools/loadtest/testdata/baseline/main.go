// Baseline is the yardstick of the load test: a plain relay over Redis pub/sub, without mailboxes, presence, validation or
// replay, on the same event loop and Redis client as Rejoin. It speaks just enough of the plain dialect for the load, and what can
// be done for its speed is: the sender's instance builds the receiver's frame, and publishes are gathered into pipelines.
//
//	sender ─ws─► loop ─► queue ─► pipeline of PUBLISH ─► channel of the receiver ─► its instance ─ws─► receiver
//	       ◄─ confirmation ─────────────┘ (somebody was subscribed)
package main

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"log"
	"net"
	"os"
	"runtime"
	"sync"

	"github.com/gobwas/ws"
	"github.com/panjf2000/gnet/v2"
	"github.com/redis/go-redis/v9"
)

const maxBatch = 512

type relay struct {
	gnet.BuiltinEventEngine
	rdb     *redis.Client
	sub     *redis.PubSub
	queue   chan publication
	clients sync.Map // client ID → gnet.Conn
}

type publication struct {
	from             gnet.Conn
	to, frame, asked string // asked: the requestId
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
	log.Fatal(gnet.Run(r, "tcp://"+net.JoinHostPort(os.Getenv("HOST"), os.Getenv("PORT")), gnet.WithMulticore(true),
		gnet.WithNumEventLoop(runtime.GOMAXPROCS(0)), gnet.WithReusePort(true), gnet.WithTCPNoDelay(gnet.TCPNoDelay)))
}

// publish gathers what waits into one pipeline, and confirms what somebody received.
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
			_ = p.from.AsyncWrite(frame(`{"info":"`+info+`","requestId":"`, p.asked, `"}`), nil)
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
			_ = c.(gnet.Conn).AsyncWrite([]byte(m.Payload), nil)
		}
	}
}

func (r *relay) OnTraffic(c gnet.Conn) gnet.Action {
	b, _ := c.Peek(-1)
	total := len(b)
	id, open := c.Context().(string)
	if !open {
		end := bytes.Index(b, []byte("\r\n\r\n"))
		if end < 0 {
			return gnet.None
		}
		if id = r.open(c, b[:end]); id == "" {
			return gnet.Close
		}
		b = b[end+4:]
	}
	for {
		op, mask, payload, size := parse(b)
		if size == 0 {
			break
		}
		b = b[size:]
		switch op {
		case ws.OpClose:
			return gnet.Close
		case ws.OpText:
			ws.Cipher(payload, mask, 0)
			asked := field(payload, `"requestId":"`)
			r.queue <- publication{c, field(payload, `"targetClientId":"`),
				string(frame(`{"info":"remoteData","data":`, string(payload), `,"remoteClientId":"`, id, `","requestId":"`, asked, `"}`)), asked}
		}
	}
	_, _ = c.Discard(total - len(b))
	return gnet.None
}

// open answers an upgrade. IDs follow from room and role, so that the two of a room know each other's at once.
func (r *relay) open(c gnet.Conn, head []byte) (id string) {
	const key = "Sec-WebSocket-Key: "
	at := bytes.Index(head, []byte(key))
	if at < 0 || len(head) < at+len(key)+24 || len(head) < 70 {
		return ""
	}
	sum := sha1.Sum(append(head[at+len(key):][:24:24], "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	room, own, peer := string(head[5:36]), "a", "b"
	if bytes.Contains(head[:bytes.IndexByte(head, '\n')], []byte("source=wallet")) {
		own, peer = peer, own
	}
	id = uuid(own + room)
	c.SetContext(id)
	r.clients.Store(id, c)
	if err := r.sub.Subscribe(context.Background(), id); err != nil {
		log.Fatal(err)
	}
	_, _ = c.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"))
	_, _ = c.Write(frame(`{"info":"remoteClientIsAlreadyConnected","remoteClientId":"`, uuid(peer+room), `"}`))
	return id
}

func (r *relay) OnClose(c gnet.Conn, _ error) gnet.Action {
	if id, ok := c.Context().(string); ok {
		r.clients.Delete(id)
		_ = r.sub.Unsubscribe(context.Background(), id)
	}
	return gnet.None
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
