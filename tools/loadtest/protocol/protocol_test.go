package protocol_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/protocol"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// heard is a connection and a listener that write down what they are told.
type heard []string

func (h *heard) Send(b []byte) { h.note("sent %s", b) }

func (h *heard) note(format string, args ...any) { *h = append(*h, fmt.Sprintf(format, args...)) }

func (h *heard) Ready(how protocol.Continuity) { h.note("ready %d", how) }
func (h *heard) Unready()                      { h.note("unready") }
func (h *heard) Message(s traffic.Stamp)       { h.note("message %d", s.Seq) }
func (h *heard) Confirmed(s traffic.Stamp)     { h.note("confirmed %d", s.Seq) }
func (h *heard) GoAway(d time.Duration)        { h.note("go away %s", d) }
func (h *heard) Unexpected(b []byte)           { h.note("unexpected %s", b) }
func (h *heard) Refused(s traffic.Stamp, retry time.Duration) {
	h.note("refused %d %s", s.Seq, retry)
}

func (h *heard) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(*h, want) {
		t.Errorf("heard\n%s\nwant\n%s", strings.Join(*h, "\n"), strings.Join(want, "\n"))
	}
	*h = nil
}

func newClient(name protocol.Name, role traffic.Role) protocol.Client {
	letters := traffic.NewLetters(role)
	return protocol.New(name, "run", 7, role, &letters)
}

func stamp(seq uint32) string { return string(traffic.Stamp{Seq: seq}.AppendText(nil)) }

func data(seq uint32) string { return `{"requestId":"` + stamp(seq) + `","method":"answer"}` }

// wants fails unless an upgrade has these parts.
func wantUpgrade(t *testing.T, c protocol.Client, parts ...string) {
	t.Helper()
	text := string(c.Upgrade("127.0.0.1:1"))
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("the upgrade lacks %q:\n%s", p, text)
		}
	}
}

func TestRejoin(t *testing.T) {
	t.Parallel()
	c, h := newClient(protocol.RejoinV1, traffic.Wallet), &heard{}
	peer, other := strings.Repeat("a", 36), strings.Repeat("b", 36)
	read := func(text string) { c.Read(h, []byte(text), 0, h) }
	remote := func(seq uint32, id string) {
		read(`{"info":"remoteData","data":` + data(seq) + `,"remoteClientId":"` + peer + `","requestId":"` + stamp(seq) + `","id":"` + id + `"}`)
	}
	wantUpgrade(t, c, "source=wallet", "Protocol: rejoin.v1\r\n")
	c.Opened(h)
	read(`{"info":"session","clientId":"x","resumeToken":"t1","resumed":false,"peers":[]}`)
	read(`{"info":"remoteClientJustConnected","remoteClientId":"` + peer + `"}`)
	remote(0, "1-9")
	remote(0, "1-9") // R2.2
	remote(1, "1-10")
	read(`{"info":"goAway","reconnectInMs":1500,"reason":"drain"}`)
	read(`{"info":"retryError","requestId":"` + stamp(4) + `","retryInMs":20}`)
	read(`{"info":"mailboxFullError","requestId":"` + stamp(5) + `"}`)
	h.want(t, "ready 0", "message 0", "message 1", "go away 1.5s", "refused 4 20ms", "refused 5 -1ns")
	c.Tick(h, int64(time.Second))
	h.want(t, `sent {"method":"ack","id":"1-10"}`)

	wantUpgrade(t, c, "Protocol: rejoin.v1, rejoin.resume.t1, rejoin.after.1-10\r\n")
	c.Opened(h)
	read(`{"info":"session","clientId":"x","resumeToken":"t2","resumed":true,"replay":0,"superseded":0,"peers":[{"remoteClientId":"` + other + `","state":"live"}]}`)
	c.Send(h, traffic.Stamp{Seq: 3})
	if len(*h) != 3 || !strings.Contains((*h)[2], other) {
		t.Fatalf("the peer of the session frame was not taken: %s", *h)
	}
	*h = (*h)[:2]
	h.want(t, `sent {"method":"ack","id":"1-10"}`, "ready 1")

	c.Opened(h)
	read(`{"info":"session","clientId":"y","resumeToken":"t3","resumed":false,"reason":"expired","peers":[{"remoteClientId":"` + other + `","state":"live"}]}`)
	remote(2, "1-1") // a new session counts anew
	h.want(t, "ready 2", "message 2")
	read(`{"info":"remoteClientDisconnected","remoteClientId":"` + other + `"}`)
	h.want(t, "unready")
}

func TestPlain(t *testing.T) {
	t.Parallel()
	c, h := newClient(protocol.PlainWallet, traffic.Wallet), &heard{}
	if text := string(c.Upgrade("127.0.0.1:1")); strings.Contains(text, "rejoin.v1") {
		t.Errorf("a plain wallet asks for rejoin.v1:\n%s", text)
	}
	for _, how := range []string{"ready 0", "ready 1"} {
		c.Opened(h)
		c.Read(h, []byte(`{"info":"remoteClientIsAlreadyConnected","remoteClientId":"`+strings.Repeat("a", 36)+`"}`), 0, h)
		h.want(t, how)
	}
	c.Tick(h, int64(time.Hour))
	h.want(t)
	wantUpgrade(t, newClient(protocol.PlainWallet, traffic.Extension), "rejoin.v1")
}

func TestSocketIO(t *testing.T) {
	t.Parallel()
	c, h := newClient(protocol.SocketIO, traffic.Wallet), &heard{}
	read := func(text string) { c.Read(h, []byte(text), 0, h) }
	wantUpgrade(t, c, "/socket.io/?EIO=4&transport=websocket&room=run-7&role=wallet")
	c.Opened(h)
	read(`0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`)
	read(`40{"sid":"s1","pid":"p1"}`)
	read(`2`)
	h.want(t, "sent 40", "ready 0", "sent 3")
	read(`42["hello","100-0"]`)
	read(`42["m",` + data(0) + `,"101-3"]`)
	h.want(t, "message 0")
	c.Send(h, traffic.Stamp{Seq: 9})
	if !strings.HasPrefix((*h)[0], `sent 421["m",{"requestId":"00000009-`) {
		t.Errorf("sent %s", (*h)[0])
	}
	*h = nil
	read(`431[]`)
	read(`431[]`)
	h.want(t, "confirmed 9", "unexpected 431[]")

	c.Opened(h)
	read(`0{"sid":"t"}`)
	read(`40{"sid":"s1","pid":"p1"}`)
	h.want(t, `sent 40{"pid":"p1","offset":"101-3"}`, "ready 1")
	c.Opened(h)
	read(`0{"sid":"u"}`)
	read(`40{"sid":"s2","pid":"p2"}`)
	read(`41`)
	h.want(t, `sent 40{"pid":"p1","offset":"101-3"}`, "ready 2", "unexpected 41")
}

func TestCentrifugo(t *testing.T) {
	t.Parallel()
	c, h := newClient(protocol.Centrifugo, traffic.Extension), &heard{}
	read := func(lines ...string) { c.Read(h, []byte(strings.Join(lines, "\n")), 0, h) }
	subscribe := func(more string) string {
		return `sent {"id":1,"connect":{}}` + "\n" + `{"id":2,"subscribe":{"channel":"run-7-extension"` + more + `}}`
	}
	c.Opened(h)
	read(`{"id":1,"connect":{"client":"c","version":"6.9.1","ping":25,"pong":true}}`, `{"id":2,"subscribe":{"recoverable":true,"epoch":"e","offset":4,"positioned":true}}`)
	read(`{}`)
	read(`{"push":{"channel":"run-7-extension","pub":{"data":`+data(0)+`,"info":{"user":"","client":"c"},"offset":5}}}`, `{"push":{"channel":"run-7-extension","pub":{"data":`+data(1)+`,"offset":6}}}`)
	h.want(t, subscribe(""), "ready 0", "sent {}", "message 0", "message 1")
	c.Send(h, traffic.Stamp{Seq: 9})
	if !strings.HasPrefix((*h)[0], `sent {"id":3,"publish":{"channel":"run-7-wallet","data":{"requestId":"00000009-`) {
		t.Errorf("sent %s", (*h)[0])
	}
	*h = nil
	read(`{"id":3,"publish":{}}`)
	h.want(t, "confirmed 9")

	// The offset of the request, which comes last, is not that of a publication.
	c.Opened(h)
	read(`{"id":2,"subscribe":{"recoverable":true,"epoch":"e","publications":[{"data":` + data(2) + `,"offset":7},{"data":` + data(3) +
		`,"info":{"user":"","client":"c"},"offset":8}],"recovered":true,"offset":6,"positioned":true,"was_recovering":true}}`)
	h.want(t, subscribe(`,"recover":true,"epoch":"e","offset":6`), "ready 1", "message 2", "message 3")
	c.Opened(h)
	read(`{"id":2,"subscribe":{"recoverable":true,"epoch":"f","publications":[],"offset":1,"positioned":true,"was_recovering":true}}`)
	h.want(t, subscribe(`,"recover":true,"epoch":"e","offset":8`), "ready 2")
	c.Opened(h)
	read(`{"id":2,"error":{"code":103,"message":"permission denied"}}`)
	h.want(t, subscribe(`,"recover":true,"epoch":"f","offset":1`), `unexpected {"id":2,"error":{"code":103,"message":"permission denied"}}`)
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, name := range []protocol.Name{protocol.RejoinV1, protocol.PlainWallet, protocol.Plain, protocol.SocketIO, protocol.Centrifugo} {
		if got, err := protocol.Parse(string(name)); got != name || err != nil {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	if _, err := protocol.Parse("gopher"); err == nil {
		t.Error("gopher was taken")
	}
}
