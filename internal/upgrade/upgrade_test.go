package upgrade_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rejoin-dev/rejoin/internal/origin"
	"github.com/rejoin-dev/rejoin/internal/peerjs"
	"github.com/rejoin-dev/rejoin/internal/upgrade"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	room    = "/00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	connect = room + "?source=wallet&target=extension"
	key     = "dGhlIHNhbXBsZSBub25jZQ==" // of RFC 6455 section 1.3
)

// request is a correct upgrade request with further header lines.
func request(target string, headers ...string) string {
	lines := append([]string{
		"GET " + target + " HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: keep-alive, Upgrade",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + key,
	}, headers...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func newPolicy(t testing.TB, basePath string, origins ...string) *upgrade.Policy {
	t.Helper()
	gate, err := origin.NewGate(origins, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return upgrade.NewPolicy(basePath, gate, peerjs.Config{})
}

// judged is what becomes of a request head.
type judged struct {
	end      int // where the head ends, -1 if it does not
	status   int
	response *upgrade.Response // nil for 101
}

// judge reads the head at the start of b as a server does that has looked for its end after each of the splits.
func judge(p *upgrade.Policy, b []byte, splits ...int) judged {
	from := 0
	for _, split := range append(splits, len(b)) {
		if end := upgrade.HeadEnd(b[:split], from); end >= 0 {
			return judgeHead(p, b[:end])
		}
		from = split
	}
	return judged{end: -1}
}

func judgeHead(p *upgrade.Policy, head []byte) judged {
	r, ok := upgrade.Parse(head)
	response := &upgrade.BadRequest
	if ok {
		response = p.Judge(&r).Response
	}
	if response == nil {
		return judged{end: len(head), status: 101}
	}
	return judged{end: len(head), status: response.Status, response: response}
}

// notUpgraded lists requests that get a response instead, its status, and a header that it has to have.
var notUpgraded = []struct {
	name, request string
	status        int
	header        string
}{
	{"health", "GET /health HTTP/1.1\r\nHost: a\r\n\r\n", 200, ""},
	{"health 1.0", "GET /health?x HTTP/1.0\r\n\r\n", 200, ""},
	{"malformed target", strings.Replace(request("@["), "@[", "@[", 1), 400, ""},
	{"plain malformed target", "GET @[ HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"no http", "hello\r\n\r\n", 400, ""},
	{"health of absolute form", "GET http://a/health HTTP/1.1\r\nHost: a\r\n\r\n", 200, ""},
	{"health behind a base", "GET /base/path/health HTTP/1.1\r\nHost: a\r\n\r\n", 200, ""},
	{"health, too many slashes", "GET //health HTTP/1.1\r\nHost: a\r\n\r\n", 200, ""},
	{"health behind an empty line", "\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n", 200, ""},
	{"another base", "GET /base/other/health HTTP/1.1\r\nHost: a\r\n\r\n", 404, ""},
	{"too many empty lines", strings.Repeat("\r\n", 5) + "GET /health HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"two names in one host", "GET /health HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, ""},
	{"a host with a path", "GET /health HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, ""},
	{"two lengths", request(connect, "Content-Length: 0", "Content-Length: 3") + "abc", 400, ""},
	{"list of lengths", request(connect, "Content-Length: 0, 0"), 400, ""},
	{"upgrade in quotes", strings.Replace(request(connect), "keep-alive, Upgrade", `"a, upgrade"`, 1), 426, ""},
	{"list of versions", strings.Replace(request(connect), "Version: 13", "Version: 8, 13", 1), 426, ""},
	{"two versions", request(connect, "Sec-WebSocket-Version: 13"), 400, ""},
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
	{"plain GET of an empty room", "GET " + room + " HTTP/1.1\r\nHost: a\r\n\r\n", 426, "Sec-WebSocket-Version: 13"},
	{"connection without upgrade", strings.Replace(request(connect), "keep-alive, Upgrade", "keep-alive", 1), 426, "Connection: close, Upgrade"},
	{"version", strings.Replace(request(connect), "Version: 13", "Version: 8", 1), 426, "Sec-WebSocket-Version: 13"},
	{"upgrade of 1.0", strings.Replace(request(connect), "HTTP/1.1", "HTTP/1.0", 1), 426, ""},
}

func TestResponses(t *testing.T) {
	t.Parallel()
	p := newPolicy(t, "/base/path", "https://good.example")
	for _, test := range notUpgraded {
		got := judge(p, []byte(test.request))
		if got.status != test.status {
			t.Errorf("%s: got %d, want %d", test.name, got.status, test.status)
			continue
		}
		full, head := string(got.response.Append(nil, time.Now())), string(got.response.AppendHead(nil, time.Now()))
		if !strings.Contains(head, "\r\n"+test.header) || !strings.HasPrefix(full, head) || len(full) <= len(head) {
			t.Errorf("%s: got %q, without %q", test.name, full, test.header)
		}
	}
	for _, upgraded := range []string{request(connect), request(connect, "Origin: https://Good.example"), request("/base/path" + connect)} {
		if got := judge(p, []byte(upgraded)); got.status != 101 {
			t.Errorf("%q got %d", upgraded, got.status)
		}
	}
}

// TestForeign: what cannot be HTTP/1.1 is told what it was. An incomplete head is not.
func TestForeign(t *testing.T) {
	t.Parallel()
	p := newPolicy(t, "", "*")
	for begin, want := range map[string]string{
		"\x16\x03\x01": "TLS handshake", "PROXY TCP4 ": "PROXY protocol", "\r\n\r\n\x00\r\n": "PROXY protocol",
		"PRI * HTTP/2.0\r\n": "HTTP/2", "\x00": "not an HTTP request",
	} {
		if f := p.Foreign([]byte(begin)); f == nil || !strings.Contains(string(f.Response.Append(nil, time.Now())), want) {
			t.Errorf("%q: not told %q", begin, want)
		}
	}
	for _, begin := range []string{"G", "\r", "\r\n", "\r\n\r\n", "PROXY", "PRI * HTTP/2.0", request(connect)[:50]} {
		if p.Foreign([]byte(begin)) != nil {
			t.Errorf("%q may be HTTP/1.1", begin)
		}
	}
}

func TestRetryAfterIsRoundedUp(t *testing.T) {
	t.Parallel()
	for _, r := range []upgrade.Response{upgrade.TooMany(1500 * time.Millisecond), upgrade.Unavailable(1500 * time.Millisecond)} {
		if text := string(r.AppendHead(nil, time.Now())); !strings.Contains(text, "\r\nRetry-After: 2\r\n") {
			t.Errorf("got %q", text)
		}
	}
}

func TestAppendSwitch(t *testing.T) {
	t.Parallel()
	const accept = "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" // of RFC 6455 section 1.3
	if got := string(upgrade.AppendSwitch(nil, []byte(key), "")); !strings.Contains(got, accept) || strings.Contains(got, "Protocol:") {
		t.Errorf("got %q", got)
	}
	if got := string(upgrade.AppendSwitch(nil, []byte(key), "rejoin.v1")); !strings.Contains(got, "\r\nSec-WebSocket-Protocol: rejoin.v1\r\n\r\n") {
		t.Errorf("got %q", got)
	}
}
