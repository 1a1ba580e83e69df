package signaling_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// patience is how long a test waits for something that must come.
const patience = 10 * time.Second

// client is the far end of one connection, and the signaling.Conn of its session. A goroutine of its own answers pings in order, unless it
// is pongless.
type client struct {
	tb      testing.TB
	session *signaling.Attachment
	pongs   chan []byte
	done    chan struct{} // the goroutine that answers pings has ended

	mu      sync.Mutex
	changed chan struct{} // closed at every change
	frames  []frame
	read    int // frames seen by the test
	pings   []string
	deaf    bool
	full    bool // Deliver refuses
	closed  *closing
	ended   bool
}

type frame struct {
	text string
	at   time.Time
}

type closing struct {
	by     signaling.ClosedBy
	code   wire.CloseCode
	reason string
	at     time.Time
}

func (c *closing) String() string {
	if c == nil {
		return "open"
	}
	return fmt.Sprintf("%d %s", c.code, c.reason)
}

// message is any message of the server.
type message struct {
	Info           string          `json:"info"`
	RemoteClientID string          `json:"remoteClientId"`
	RequestID      string          `json:"requestId"`
	ID             string          `json:"id"`
	ClientID       string          `json:"clientId"`
	ResumeToken    string          `json:"resumeToken"`
	Resumed        bool            `json:"resumed"`
	Reason         string          `json:"reason"`
	Replay         int             `json:"replay"`
	Superseded     int             `json:"superseded"`
	ReconnectInMs  int64           `json:"reconnectInMs"`
	Undelivered    json.RawMessage `json:"undelivered"`
	Peers          []struct {
		RemoteClientID string `json:"remoteClientId"`
		State          string `json:"state"`
	} `json:"peers"`
	Data json.RawMessage `json:"data"`
}

// dialer says how a client connects; the zero value is a plain wallet.
type dialer struct {
	room         wire.RoomID
	role         wire.Role // zero: wallet
	subprotocols string    // Sec-WebSocket-Protocol
	who          *wire.Identity
	deaf         bool
}

func wallet(room wire.RoomID) dialer    { return dialer{room: room, role: wire.Wallet} }
func extension(room wire.RoomID) dialer { return dialer{room: room, role: wire.Extension} }

// rejoin makes it a rejoin.v1 client.
func (d dialer) rejoin() dialer {
	d.subprotocols = wire.Subprotocol
	return d
}

// resume asks for a session back; after may be "".
func (d dialer) resume(token, after string) dialer {
	d.subprotocols = wire.Subprotocol + ", rejoin.resume." + token
	if after != "" {
		d.subprotocols += ", rejoin.after." + after
	}
	return d
}

// pongless makes it a client that answers no ping.
func (d dialer) pongless() dialer {
	d.deaf = true
	return d
}

func (d dialer) dial(tb testing.TB, hub *signaling.Hub) *client {
	tb.Helper()
	c := &client{tb: tb, deaf: d.deaf, changed: make(chan struct{}), pongs: make(chan []byte, 1<<12), done: make(chan struct{})}
	offer := wire.ParseSubprotocols(d.subprotocols)
	offer.Identity = d.who
	c.session = hub.Open(c, wire.Connect{Room: d.room, Source: d.role}, offer)
	go func() {
		defer close(c.done)
		for data := range c.pongs {
			c.session.Pong(data)
		}
	}()
	tb.Cleanup(func() { c.end(signaling.Closure{By: signaling.ClosedByLoss}) })
	return c
}

// Deliver implements signaling.Conn.
func (c *client) Deliver(payload, ping []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.full || c.closed != nil || c.ended {
		return false
	}
	c.add(payload)
	if len(ping) > 0 {
		c.asked(ping)
	}
	return true
}

// Send implements signaling.Conn.
func (c *client) Send(payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed == nil && !c.ended {
		c.add(payload)
	}
}

func (c *client) add(payload []byte) {
	c.frames = append(c.frames, frame{string(payload), time.Now()})
	c.change()
}

// Ping implements signaling.Conn.
func (c *client) Ping(data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed == nil && !c.ended {
		c.asked(data)
	}
}

func (c *client) asked(data []byte) {
	c.pings = append(c.pings, string(data))
	c.change()
	if !c.deaf {
		c.pongs <- append([]byte(nil), data...)
	}
}

// SendAway implements signaling.Conn.
func (c *client) SendAway(code wire.CloseCode, reason string) {
	c.closeWith(signaling.SentAway, code, reason)
}

// Close implements signaling.Conn.
func (c *client) Close(code wire.CloseCode, reason string) {
	c.closeWith(signaling.ClosedByServer, code, reason)
}

func (c *client) closeWith(by signaling.ClosedBy, code wire.CloseCode, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed == nil && !c.ended {
		c.closed = &closing{by, code, reason, time.Now()}
		c.change()
	}
}

func (c *client) change() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// end is the end of the connection. Only the first one counts.
func (c *client) end(e signaling.Closure) {
	c.mu.Lock()
	first := !c.ended
	c.ended = true
	if c.closed != nil {
		e = signaling.Closure{By: c.closed.by}
	}
	c.mu.Unlock()
	if first {
		close(c.pongs)
		<-c.done
		c.session.Closed(e)
	}
}

func (c *client) lose() { c.end(signaling.Closure{By: signaling.ClosedByLoss}) }
func (c *client) leave(code wire.CloseCode) {
	c.end(signaling.Closure{By: signaling.ClosedByClient, Code: code})
}

// text sends raw text.
func (c *client) text(text string) { c.session.Message([]byte(text)) }

// send sends a message to a peer.
func (c *client) send(requestID, method, target string) {
	c.text(body(requestID, method, target, "sealed"))
}

func body(requestID, method, target, payload string) string {
	return fmt.Sprintf(`{"requestId":%q,"method":%q,"targetClientId":%q,"encryptedPayload":%q}`, requestID, method, target, payload)
}

func (c *client) ack(id string) { c.text(fmt.Sprintf(`{"method":"ack","id":%q}`, id)) }

// until waits until cond is true, and reports whether it is. cond is called with the client locked.
func (c *client) until(cond func() bool) bool {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		c.mu.Lock()
		ok, changed := cond(), c.changed
		c.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-deadline.C:
			return false
		}
	}
}

// next waits for the next message.
func (c *client) next() message {
	c.tb.Helper()
	if !c.until(func() bool { return len(c.frames) > c.read }) {
		c.tb.Fatalf("no further message after %q, connection: %v", c.texts(), c.closing())
	}
	c.mu.Lock()
	text := c.frames[c.read].text
	c.read++
	c.mu.Unlock()
	return parse(c.tb, text)
}

func parse(tb testing.TB, text string) message {
	tb.Helper()
	var m message
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		tb.Fatalf("parse %q: %v", text, err)
	}
	return m
}

// session waits for the session frame.
func (c *client) welcome() message {
	c.tb.Helper()
	m := c.next()
	if m.Info != "session" {
		c.tb.Fatalf("got %+v, want a session frame", m)
	}
	return m
}

// short is a message as the tests write it: its info and the client or the request it is about.
func (m message) short() string {
	switch m.Info {
	case "remoteData":
		return "data " + m.RequestID
	case "session":
		return "session"
	case "goAway":
		return "goAway " + m.Reason
	case "remoteClientDisconnected":
		return strings.TrimSuffix(m.Info+" "+m.RemoteClientID+" "+string(m.Undelivered), " ")
	}
	return m.Info + " " + m.RemoteClientID + m.RequestID
}

// expect waits for these messages, in this order.
func (c *client) expect(want ...string) {
	c.tb.Helper()
	for i, w := range want {
		if got := c.next().short(); got != w {
			c.tb.Fatalf("message %d: got %q, want %q (all: %q)", i, got, w, c.texts())
		}
	}
}

// unread returns the messages since the last look, without waiting.
func (c *client) unread() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []string
	for _, f := range c.frames[c.read:] {
		list = append(list, parse(c.tb, f.text).short())
	}
	c.read = len(c.frames)
	return list
}

// got fails unless exactly these messages have come since the last look.
func (c *client) got(want ...string) {
	c.tb.Helper()
	if got := c.unread(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		c.tb.Fatalf("got %q, want %q", got, want)
	}
}

func (c *client) texts() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []string
	for _, f := range c.frames {
		list = append(list, f.text)
	}
	return list
}

func (c *client) closing() *closing {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// wantClosed waits for a close frame.
func (c *client) wantClosed(code wire.CloseCode, reason string) {
	c.tb.Helper()
	c.until(func() bool { return c.closed != nil })
	if got, want := c.closing().String(), fmt.Sprintf("%d %s", code, reason); got != want {
		c.tb.Fatalf("connection: %s, want %s", got, want)
	}
}

// pinged returns the pings so far.
func (c *client) pinged() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.pings...)
}

func (c *client) stall(full bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.full = full
}

func just(id string) string             { return "remoteClientJustConnected " + id }
func already(id string) string          { return "remoteClientIsAlreadyConnected " + id }
func gone(id string) string             { return "remoteClientDisconnected " + id }
func suspended(id string) string        { return "remoteClientSuspended " + id }
func resumed(id string) string          { return "remoteClientResumed " + id }
func confirmed(requestID string) string { return "confirmation " + requestID }
func missing(requestID string) string   { return "missingRemoteClientError " + requestID }
