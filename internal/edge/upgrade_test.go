package edge_test

import (
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
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

// TestListsAreLists: every valid spelling of a request is upgraded (RFC 9110 sections 5.3, 5.6.1 and 7.8; RFC 9112 sections 2.2 and 3.2.2).
func TestListsAreLists(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.BasePath = "/base" })
	const upgrade, connection = "Upgrade: websocket\r\n", "Connection: keep-alive, Upgrade\r\n"
	for _, replace := range [][2]string{
		{"", ""},
		{upgrade, "Upgrade: websocket, h2c\r\n"},
		{upgrade, "Upgrade: h2c ,WebSocket\r\n"},
		{upgrade, "Upgrade: h2c\r\nUpgrade: websocket\r\n"},
		{upgrade, "Upgrade: ,, websocket ,\r\n"},
		{upgrade, "upgrade:\t WEBSOCKET \t\r\n"},
		{connection, "Connection: keep-alive\r\nConnection: Upgrade\r\n"},
		{connection, "Connection: Upgrade\r\nConnection: keep-alive\r\n"},
		{connection, "Connection: close, UPGRADE\r\n"},
		{connection, "Connection: ,Upgrade,\r\n"},
		{connection, "CONNECTION: upgrade, \"x, y\"\r\n"},
		{"GET ", "\r\nGET "},
		{"GET ", "\r\n\r\n\r\n\r\nGET "},
		{"GET ", "GET http://localhost"},
		{"GET ", "GET WSS://elsewhere:443"},
		{"GET ", "GET /"},
		{"GET ", "GET /base"},
		{"GET ", "GET //base/"},
		{"GET ", "GET https://localhost/base"},
		{"Host: localhost\r\n", "Host:\r\n"},
		{"Host: localhost\r\n", "Host: [::1]:4000\r\n"},
		{"Host: localhost\r\n", "Host: localhost\r\nContent-Length: 0\r\n"},
	} {
		text := strings.Replace(request(connect), replace[0], replace[1], 1)
		for _, pieces := range []int{1, len(text)} { // also byte by byte
			c := r.dial(t)
			for i := range pieces {
				c.send(text[i*len(text)/pieces : (i+1)*len(text)/pieces])
			}
			if status, header, _ := c.response(); status != 101 || header["Sec-WebSocket-Accept"] != accept || header["Upgrade"] != "websocket" {
				t.Errorf("%q in %d pieces: %d %v", replace[1], pieces, status, header)
			}
			if s := r.hub.session(t); s.connect.Room.String() != room[1:] {
				t.Errorf("%q: room %v", replace[1], s.connect.Room)
			}
			c.Close()
		}
	}
}

// TestForeignProtocols: bytes that cannot be HTTP/1.1 are answered at once, without waiting for a complete head, with the name of the
// protocol, and logged once.
func TestForeignProtocols(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ begin, answer, log string }{
		"TLS":           {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS handshake", "speaks=TLS"},
		"PROXY v1":      {"PROXY TCP4 192.0.2.1 192.0.2.2 50000 4000\r\n" + request(connect), "PROXY protocol", "speaks=\"PROXY protocol\""},
		"PROXY unknown": {"PROXY UNKNOWN\r\n", "PROXY protocol", "speaks=\"PROXY protocol\""},
		"PROXY v2":      {"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c", "PROXY protocol", "speaks=\"PROXY protocol\""},
		"HTTP/2":        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2", "speaks=HTTP/2"},
		"something":     {"\x00\x01\x02", "not an HTTP request", "speaks=\"not HTTP\""},
		"a space":       {" GET / HTTP/1.1", "not an HTTP request", "speaks=\"not HTTP\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log lines
			r := startLogged(t, newHub(), nil, slog.New(slog.NewTextHandler(&log, nil)))
			for range 3 {
				for _, pieces := range []int{1, min(9, len(test.begin))} {
					c := r.dial(t)
					for i := range pieces {
						if _, err := c.Write([]byte(test.begin[i*len(test.begin)/pieces : (i+1)*len(test.begin)/pieces])); err != nil {
							break // it has its answer
						}
					}
					if status, _, body := c.response(); status != 400 || !strings.Contains(body, test.answer) {
						t.Fatalf("got %d %q", status, body)
					}
				}
			}
			if text := log.String(); strings.Count(text, test.log) != 1 || strings.Count(text, "\n") != 1 || !strings.Contains(text, "from=127.0.0.1") {
				t.Errorf("logged %q", text)
			}
		})
	}
}

// lines is a log to read.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
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

// responses has a request for each response that does not depend on the state of the server; package upgrade tests what leads to them.
var responses = []struct {
	name, request string
	status        int
	header        string
}{
	{"health", "GET /health HTTP/1.1\r\nHost: a\r\n\r\n", 200, "Cache-Control: no-store"},
	{"health behind a base", "GET /base/path/health HTTP/1.1\r\nHost: a\r\n\r\n", 200, ""},
	{"no http", "hello\r\n\r\n", 400, ""},
	{"no version", "GET /health\r\n\r\n", 400, ""},
	{"body", request(connect, "Content-Length: 3") + "abc", 400, ""},
	{"empty body", "GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 200, ""},
	{"too many empty lines", strings.Repeat("\r\n", 5) + "GET /health HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"origin", request(connect, "Origin: https://evil.example"), 403, ""},
	{"unknown path", "GET /favicon.ico HTTP/1.1\r\nHost: a\r\n\r\n", 404, ""},
	{"method", "POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 405, "Allow: GET, HEAD"},
	{"plain room", "GET " + connect + " HTTP/1.1\r\nHost: a\r\n\r\n", 426, "Upgrade: websocket"},
	{"version", strings.Replace(request(connect), "Version: 13", "Version: 8", 1), 426, "Sec-WebSocket-Version: 13"},
	{"long line", "GET /" + strings.Repeat("a", 9000), 431, ""},
	{"long head", request(connect, "Cookie: "+strings.Repeat("a", 8192)), 431, ""},
}

func TestResponses(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) {
		cfg.Origins, cfg.BasePath = []string{"https://good.example"}, "/base/path"
	})
	for _, test := range responses {
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

// TestHeadLimit: the limit is exact, and counts the blank line.
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

// TestUnavailable: a client that cannot be served is refused before the upgrade, with Retry-After. R19.
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

// TestMaxPerAddress counts by the address that a trusted proxy reports, whatever else is in the header, and otherwise by the socket's.
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

// TestNewPerAddress: an address that connects too often is refused until the second is over, even if its connections are gone at once.
// Others are not.
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
	for counts[429] == 0 { // a window may end between two, but not this often
		if counts[ask("192.0.2.1")]++; counts[101] > 2+int(time.Since(began)/time.Second) {
			t.Fatal("never refused")
		}
	}
	if status := ask("192.0.2.2"); status != 101 {
		t.Errorf("another address got %d", status)
	}
	eventually(t, "the next second", func() bool { return ask("192.0.2.1") == 101 })
}
