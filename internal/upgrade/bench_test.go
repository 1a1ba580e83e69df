package upgrade_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/rejoin-dev/rejoin/internal/upgrade"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// browserHead is what a browser sends behind a proxy.
var browserHead = []byte(request(connect, "Origin: https://app.example.com", "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
	"Accept-Encoding: gzip, deflate, br, zstd", "Accept-Language: en-GB,en;q=0.9", "Cache-Control: no-cache", "Pragma: no-cache",
	"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits", "Sec-WebSocket-Protocol: rejoin.v1", "X-Forwarded-For: 192.0.2.7"))

// exchange is a connection that brings one request and keeps the response.
type exchange struct {
	in  bytes.Reader
	out bytes.Buffer
}

func (e *exchange) Read(b []byte) (int, error)  { return e.in.Read(b) }
func (e *exchange) Write(b []byte) (int, error) { return e.out.Write(b) }

func (e *exchange) reset(request []byte) {
	e.in.Reset(request)
	e.out.Reset()
}

// upgrader is as much of this server's handshake as ws.Upgrader can be taught by its callbacks.
func upgrader(p *wire.Connect, origins func(string) bool) ws.Upgrader {
	var forwarded, protocols []string
	return ws.Upgrader{
		OnRequest: func(uri []byte) (err error) {
			target, err := wire.ParseTarget(uri, "")
			if err == nil {
				*p, err = target.Connect(wire.Plain)
			}
			return err
		},
		OnHeader: func(name, value []byte) error {
			switch string(name) {
			case "Origin":
				if !origins(string(value)) {
					return ws.RejectConnectionError(ws.RejectionStatus(http.StatusForbidden))
				}
			case "X-Forwarded-For":
				forwarded = append(forwarded[:0], string(value))
			}
			return nil
		},
		ProtocolCustom: func(value []byte) (string, bool) {
			protocols = append(protocols[:0], string(value))
			return wire.ParseSubprotocols(protocols...).Accept, true
		},
	}
}

// TestUpgraderIsNotEnough has what doc.go says of ws.Upgrader: requests that it and this package judge differently. Should it come to
// judge them alike, the reasons of doc.go are worth another look.
func TestUpgraderIsNotEnough(t *testing.T) {
	t.Parallel()
	p := newPolicy(t, "", "*")
	for name, test := range map[string]struct {
		request string
		status  int // ours
	}{
		"a list of upgrades":       {strings.Replace(request(connect), "Upgrade: websocket", "Upgrade: h2c, websocket", 1), 101},
		"two lines of upgrades":    {strings.Replace(request(connect), "Upgrade: websocket", "Upgrade: h2c\r\nUpgrade: websocket", 1), 101},
		"two lines of connections": {strings.Replace(request(connect), "keep-alive, Upgrade", "keep-alive\r\nConnection: Upgrade", 1), 101},
		"an empty line before":     {"\r\n" + request(connect), 101},
		"two hosts":                {request(connect, "Host: other"), 400},
		"two keys":                 {request(connect, "Sec-WebSocket-Key: "+key), 400},
		"a key that is not base64": {strings.Replace(request(connect), key, "dGhlIHNhbXBsZSBub25jZQ!!", 1), 400},
		"a body":                   {request(connect, "Content-Length: 3") + "abc", 400},
		"the health check":         {"GET /health HTTP/1.1\r\nHost: a\r\n\r\n", 200},
	} {
		if got := judge(p, []byte(test.request)); got.status != test.status {
			t.Errorf("%s: got %d, want %d", name, got.status, test.status)
		}
		var e exchange
		e.reset([]byte(test.request))
		var c wire.Connect
		_, err := upgrader(&c, func(string) bool { return true }).Upgrade(&e)
		status := 0
		if line, _, ok := strings.Cut(e.out.String(), "\r\n"); ok {
			status = map[string]int{"HTTP/1.1 101": 101, "HTTP/1.1 200": 200}[line[:12]]
		}
		if status == test.status || status == 0 && test.status == 400 {
			t.Errorf("%s: ws.Upgrader says %q, %v, as we do", name, e.out.String(), err)
		}
	}
}

// TestHeadAllocations: what is allocated for a head is what outlives it: its subprotocols, its forwarded addresses, its origin.
func TestHeadAllocations(t *testing.T) {
	p := newPolicy(t, "", "*")
	var answer []byte
	if n := testing.AllocsPerRun(100, func() { answer = shake(p, answer) }); n > 5 {
		t.Errorf("%v allocations", n)
	}
}

// shake reads browserHead and writes its 101.
func shake(p *upgrade.Policy, answer []byte) []byte {
	end := upgrade.HeadEnd(browserHead, 0)
	r, ok := upgrade.Parse(browserHead[:end])
	if !ok {
		return nil
	}
	v := p.Judge(&r)
	if v.Response != nil {
		return nil
	}
	return upgrade.AppendSwitch(answer[:0], r.Key, v.Offer.Accept)
}

// BenchmarkHead reads a head and writes its 101; net/http only reads it.
func BenchmarkHead(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		p := newPolicy(b, "", "*")
		var answer []byte
		b.ReportAllocs()
		for b.Loop() {
			if answer = shake(p, answer); answer == nil {
				b.Fatal("refused")
			}
		}
	})
	b.Run("Upgrader", func(b *testing.B) {
		var c wire.Connect
		u := upgrader(&c, func(o string) bool { return o != "" })
		var e exchange
		b.ReportAllocs()
		for b.Loop() {
			e.reset(browserHead)
			if _, err := u.Upgrade(&e); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("net-http", func(b *testing.B) {
		in := bytes.NewReader(nil)
		buffered := bufio.NewReader(in)
		b.ReportAllocs()
		for b.Loop() {
			in.Reset(browserHead)
			buffered.Reset(in)
			r, err := http.ReadRequest(buffered)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, r.Body)
		}
	})
}
