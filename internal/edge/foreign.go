package edge

import (
	"bytes"
	"sync/atomic"
	"time"
)

// foreign is a protocol that somebody speaks to this port by mistake, and which is answered at once: waiting for the end of a head that
// never comes would look like a server that hangs.
type foreign struct {
	name   string
	answer answer
	logged atomic.Int64 // when, ns since the server was made; 0: never
}

// foreignEvery is how often each of them is logged.
const foreignEvery = time.Minute

// foreigners are those that are told apart.
type foreigners struct{ tls, proxy, http2, unknown foreign }

func newForeigners() *foreigners {
	bad := func(body string) answer { return answer{answerBadRequest.status, answerBadRequest.phrase, body, ""} }
	return &foreigners{
		tls: foreign{name: "TLS", answer: bad(
			"this was a TLS handshake, and this port speaks plain HTTP: use ws:// or http:// here, or wss:// to the proxy in front that ends TLS")},
		proxy: foreign{name: "PROXY protocol", answer: bad(
			"this was a PROXY protocol header, which is not read here: switch it off in the proxy, and have it send X-Forwarded-For")},
		http2: foreign{name: "HTTP/2", answer: bad(
			"this was HTTP/2 without an upgrade: WebSockets need HTTP/1.1 here")},
		unknown: foreign{name: "not HTTP", answer: bad("this was not an HTTP request")},
	}
}

// Beginnings of other protocols.
var (
	proxyV1 = [][]byte{[]byte("PROXY TCP"), []byte("PROXY UNKNOWN")}
	proxyV2 = []byte("\r\n\r\n\x00") // of a signature of 12 bytes (HAProxy's proxy-protocol.txt, section 2.2)
	preface = []byte("PRI * HTTP/2.0\r\n")
)

// tlsHandshake is the content type that a ClientHello begins with (RFC 8446 section 5.1).
const tlsHandshake = 0x16

// find returns what b, the beginning of what a client sends, is if it cannot be HTTP/1; nil if it may be.
func (f *foreigners) find(b []byte) *foreign {
	request := b[emptyLines(b):]
	switch {
	case b[0] == tlsHandshake:
		return &f.tls
	case bytes.HasPrefix(b, proxyV2), bytes.HasPrefix(b, proxyV1[0]), bytes.HasPrefix(b, proxyV1[1]):
		return &f.proxy
	case bytes.HasPrefix(b, preface):
		return &f.http2
	case len(request) > 0 && request[0] != '\r' && !isTokenByte(request[0]):
		return &f.unknown
	}
	return nil
}

// refuseForeign answers a client that speaks something else.
func (c *conn) refuseForeign(f *foreign) {
	srv := c.loop.srv
	now := time.Since(srv.epoch).Nanoseconds() + 1
	if last := f.logged.Load(); (last == 0 || now-last >= foreignEvery.Nanoseconds()) && f.logged.CompareAndSwap(last, now) {
		srv.log.Warn("a client does not speak HTTP/1.1 to the WebSocket port", "speaks", f.name, "from", c.peer(), "answer", f.answer.body)
	}
	c.answer(&f.answer, false)
}
