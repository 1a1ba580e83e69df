package edge_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/edge"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

func TestUpgrade(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), nil)
	c := r.dial(t)
	c.send(request(connect, "Sec-WebSocket-Protocol: chat, superchat", "Sec-WebSocket-Extensions: permessage-deflate"))
	status, header, _ := c.response()
	if status != 101 || header["Sec-WebSocket-Accept"] != accept || header["Sec-WebSocket-Protocol"] != "chat" {
		t.Fatalf("got %d %v", status, header)
	}
	if v, ok := header["Sec-WebSocket-Extensions"]; ok {
		t.Fatalf("negotiated %q", v)
	}
	s := r.hub.session(t)
	if s.connect.Room.String() != room[1:] || s.connect.Source != wire.Wallet || s.offer.Dialect != wire.Plain {
		t.Fatalf("opened %v %v", s.connect, s.offer)
	}
	c.write(frame(text, []byte("hello")))
	c.expect(text, []byte("hello"))
}

func TestUpgradeSubprotocol(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), nil)
	c := r.dial(t)
	c.send(request(connect, "Sec-WebSocket-Protocol: other, rejoin.v1", "Sec-WebSocket-Protocol: rejoin.resume.token"))
	if status, header, _ := c.response(); status != 101 || header["Sec-WebSocket-Protocol"] != wire.Subprotocol {
		t.Fatalf("got %d %v", status, header)
	}
	if s := r.hub.session(t); s.offer.Dialect != wire.RejoinV1 || !s.offer.Resume || s.offer.Token != "token" {
		t.Fatalf("offered %+v", s.offer)
	}
}

func TestUpgradeByteByByteWithEarlyData(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), nil)
	c := r.dial(t)
	c.send(request(connect) + string(frame(text, []byte("early"))))
	if status, _, _ := c.response(); status != 101 {
		t.Fatal(status)
	}
	c.expect(text, []byte("early"))

	slow := r.dial(t)
	for _, b := range []byte(request(connect)) {
		slow.write([]byte{b})
	}
	if status, _, _ := slow.response(); status != 101 {
		t.Fatal(status)
	}
}

func TestRefusedConnect(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), nil)
	for target, reason := range map[string]string{
		"/":                                   wire.ReasonMissingConnectionID,
		"/health":                             wire.ReasonMissingConnectionID,
		room:                                  wire.ReasonMissingTarget,
		room + "?target=a":                    wire.ReasonInvalidTarget,
		room + "?target=wallet":               wire.ReasonMissingSource,
		room + "?target=wallet&source=b":      wire.ReasonInvalidSource,
		room + "?target=wallet&source=wallet": wire.ReasonSameRole,
	} {
		c := r.dial(t)
		c.send(request(target) + string(frame(text, []byte("early"))))
		if status, _, _ := c.response(); status != 101 {
			t.Fatalf("%s: %d", target, status)
		}
		c.expectClose(wire.CloseUnsupported, reason)
	}
	if n := r.hub.count(); n != 0 {
		t.Fatalf("%d sessions were opened", n)
	}
}

// answers is what is no upgrade: request, status, and a header that has to be there.
var answers = []struct {
	name, request string
	status        int
	header        string
}{
	{"health", "GET /health HTTP/1.1\r\nHost: a\r\n\r\n", 200, ""},
	{"health 1.0", "GET /health?x HTTP/1.0\r\n\r\n", 200, ""},
	{"malformed target", strings.Replace(request("@["), "@[", "@[", 1), 400, ""},
	{"plain malformed target", "GET @[ HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"no http", "hello\r\n\r\n", 400, ""},
	{"no version", "GET /health\r\n\r\n", 400, ""},
	{"http/2", "PRI * HTTP/2.0\r\n\r\n", 400, ""},
	{"two spaces", "GET  /health HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"bare line feeds", "GET /health HTTP/1.1\nHost: a\n\n", 400, ""},
	{"space before colon", "GET /health HTTP/1.1\r\nHost : a\r\n\r\n", 400, ""},
	{"folded", "GET /health HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400, ""},
	{"control character", "GET /health HTTP/1.1\r\nHost: a\x00\r\n\r\n", 400, ""},
	{"no host", "GET /health HTTP/1.1\r\n\r\n", 400, ""},
	{"two hosts", request(connect, "Host: other"), 400, ""},
	{"two keys", request(connect, "Sec-WebSocket-Key: "+key), 400, ""},
	{"bad key", strings.Replace(request(connect), key, "dGhlIHNhbXBsZSBub25jZQ!!", 1), 400, ""},
	{"short key", strings.Replace(request(connect), key, "dGhl", 1), 400, ""},
	{"long key", strings.Replace(request(connect), key, "dGhlIHNhbXBsZSBub25jZTEy", 1), 400, ""},
	{"no key", strings.Replace(request(connect), "Sec-WebSocket-Key: "+key+"\r\n", "", 1), 400, ""},
	{"no websocket version", strings.Replace(request(connect), "Sec-WebSocket-Version: 13\r\n", "", 1), 400, ""},
	{"body", request(connect, "Content-Length: 3") + "abc", 400, ""},
	{"chunked body", request(connect, "Transfer-Encoding: chunked") + "0\r\n\r\n", 400, ""},
	{"empty body", "GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 200, ""},
	{"origin", request(connect, "Origin: https://evil.example"), 403, ""},
	{"unknown path", "GET /favicon.ico HTTP/1.1\r\nHost: a\r\n\r\n", 404, ""},
	{"method", "POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 405, "Allow: GET, HEAD"},
	{"method with upgrade", strings.Replace(request(connect), "GET", "PUT", 1), 405, "Allow: GET, HEAD"},
	{"plain room", "GET " + connect + " HTTP/1.1\r\nHost: a\r\n\r\n", 426, "Upgrade: websocket"},
	{"plain room of nobody", "GET " + room + " HTTP/1.1\r\nHost: a\r\n\r\n", 426, "Sec-WebSocket-Version: 13"},
	{"connection without upgrade", strings.Replace(request(connect), "keep-alive, Upgrade", "keep-alive", 1), 426, "Connection: close, Upgrade"},
	{"version", strings.Replace(request(connect), "Version: 13", "Version: 8", 1), 426, "Sec-WebSocket-Version: 13"},
	{"upgrade of 1.0", strings.Replace(request(connect), "HTTP/1.1", "HTTP/1.0", 1), 426, ""},
	{"long line", "GET /" + strings.Repeat("a", 9000), 431, ""},
	{"long head", request(connect, "Cookie: "+strings.Repeat("a", 8192)), 431, ""},
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.Origins = []string{"https://good.example"} })
	for _, test := range answers {
		c := r.dial(t)
		c.send(test.request)
		status, header, body := c.response()
		if status != test.status || header["Connection"] == "" || body == "" || header["Content-Type"] != "text/plain; charset=utf-8" {
			t.Errorf("%s: got %d %v %q, want %d", test.name, status, header, body, test.status)
		}
		if name, value, ok := strings.Cut(test.header, ": "); ok && header[name] != value {
			t.Errorf("%s: %s is %q, want %q", test.name, name, header[name], value)
		}
	}
	good := r.upgrade(t, connect, "Origin: https://Good.example")
	native := r.upgrade(t, connect) // no origin: no browser
	for _, c := range []*client{good, native} {
		c.write(frame(text, nil)) // the 101 comes before the session is opened, the echo after
		c.expect(text, nil)
	}
	if n := r.hub.count(); n != 2 {
		t.Fatalf("%d sessions were opened", n)
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), nil)
	c := r.dial(t)
	c.send("HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n")
	if status, header, body := c.response(); status != 200 || header["Content-Length"] != "3" || body != "" {
		t.Fatalf("got %d %v %q", status, header, body)
	}
}

// TestHeadLimit is exact: the bound counts the blank line.
func TestHeadLimit(t *testing.T) {
	t.Parallel()
	base := len(request(connect, "Cookie: "))
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.MaxHeadBytes = base + 100 })
	for pad, want := range map[int]int{100: 101, 101: 431} {
		for _, pieces := range []int{1, 2} {
			c := r.dial(t)
			head := request(connect, "Cookie: "+strings.Repeat("c", pad))
			if pieces == 2 {
				c.send(head[:base])
				head = head[base:]
			}
			c.send(head)
			if status, _, _ := c.response(); status != want {
				t.Errorf("%d bytes more in %d pieces: %d, want %d", pad, pieces, status, want)
			}
		}
	}
}

// TestUnavailable: whoever cannot be served is told so before the upgrade, with Retry-After. R19.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.MaxConnections = 1 })
	refused := func(why string) {
		t.Helper()
		c := r.dial(t)
		c.send(request(connect))
		if status, header, _ := c.response(); status != 503 || header["Retry-After"] != "1" {
			t.Fatalf("%s: got %d %v", why, status, header)
		}
	}
	err := errors.New("redis away")
	r.hub.notReady.Store(&err)
	refused("not ready")
	r.hub.notReady.Store(nil)

	first, s := r.open(t)
	refused("full")
	first.Close()
	s.end(t)
	eventually(t, "room for one", func() bool { return r.metric(t, "rejoin_edge_connections") == 0 })
	second := r.upgrade(t, connect)

	r.Refuse()
	refused("refusing")
	c := r.dial(t)
	c.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
	if status, _, body := c.response(); status != 200 || body != "ok\n" {
		t.Fatalf("health: %d %q", status, body)
	}
	second.write(frame(text, []byte("still here")))
	second.expect(text, []byte("still here"))
	if n := r.metric(t, "rejoin_edge_upgrades_total", "outcome=503"); n != 3 {
		t.Fatalf("%v counted", n)
	}
}

// TestMaxPerAddress counts by the address that a trusted proxy tells, whatever else stands in the header, and otherwise by that of
// the socket.
func TestMaxPerAddress(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		trusted       []netip.Prefix
		first, second string // X-Forwarded-For
		status        int    // of the second
	}{
		"one address":                {nil, "192.0.2.1", "192.0.2.2", 429},
		"two behind a proxy":         {[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "192.0.2.1", "192.0.2.2", 101},
		"one behind a proxy":         {[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "192.0.2.1", "192.0.2.9, 192.0.2.1", 429},
		"one network of IPv6 behind": {[]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, "2001:db8::1", "2001:db8::2", 429},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, newHub(), func(cfg *edge.Config) { cfg.MaxPerAddress, cfg.TrustedProxies = 1, test.trusted })
			first := r.upgrade(t, connect, "X-Forwarded-For: "+test.first)
			c := r.dial(t)
			c.send(request(connect, "X-Forwarded-For: "+test.second))
			status, header, _ := c.response()
			if status != test.status || status == 429 && header["Retry-After"] != "1" {
				t.Errorf("got %d %v", status, header)
			}
			first.Close()
			eventually(t, "room for one", func() bool {
				c := r.dial(t)
				c.send(request(connect, "X-Forwarded-For: "+test.first))
				status, _, _ := c.response()
				return status == 101
			})
		})
	}
}

// TestNewPerAddress: whoever asks too often is refused until the second is over, also when its connections are gone at once; others
// are not.
func TestNewPerAddress(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) {
		cfg.NewPerAddress, cfg.TrustedProxies = 1, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	ask := func(from string) int {
		c := r.dial(t)
		c.send(request(connect, "X-Forwarded-For: "+from))
		status, header, _ := c.response()
		if status == 429 && header["Retry-After"] != "1" {
			t.Errorf("429 with %v", header)
		}
		return status
	}
	began := time.Now()
	counts := map[int]int{}
	for counts[429] == 0 { // a window may end between two, but not so often
		if counts[ask("192.0.2.1")]++; counts[101] > 2+int(time.Since(began)/time.Second) {
			t.Fatal("never refused")
		}
	}
	if status := ask("192.0.2.2"); status != 101 {
		t.Errorf("another address got %d", status)
	}
	eventually(t, "the next second", func() bool { return ask("192.0.2.1") == 101 })
}
