package upgrade

import (
	"bytes"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"
)

// Foreign is another protocol that clients speak to this port by mistake. They are answered at once: waiting for the end of a head
// that never comes would look like a server that hangs.
type Foreign struct {
	Response Response
	name     string
	epoch    time.Time
	logged   atomic.Int64 // when, in ns since epoch; 0: never
}

// foreignLogInterval is how often each of the protocols is logged at most.
const foreignLogInterval = time.Minute

// foreignProtocols are the ones that are told apart.
type foreignProtocols struct{ tls, proxy, http2, unknown Foreign }

func (f *foreignProtocols) init() {
	f.tls.init("TLS",
		"this was a TLS handshake, and this port speaks plain HTTP: use ws:// or http:// here, or wss:// to the proxy in front that ends TLS")
	f.proxy.init("PROXY protocol",
		"this was a PROXY protocol header, which is not read here: switch it off in the proxy, and have it send X-Forwarded-For")
	f.http2.init("HTTP/2",
		"this was HTTP/2 without an upgrade: WebSockets need HTTP/1.1 here")
	f.unknown.init("not HTTP",
		"this was not an HTTP request")
}

func (f *Foreign) init(name, body string) {
	f.name, f.epoch = name, time.Now()
	f.Response = BadRequest
	f.Response.body = body
}

// First bytes of other protocols.
var (
	proxyV1 = [][]byte{[]byte("PROXY TCP"), []byte("PROXY UNKNOWN")}
	proxyV2 = []byte("\r\n\r\n\x00") // of a signature of 12 bytes (HAProxy's proxy-protocol.txt, section 2.2)
	preface = []byte("PRI * HTTP/2.0\r\n")
)

// tlsHandshake is the content type that a ClientHello begins with (RFC 8446 section 5.1).
const tlsHandshake = 0x16

// Foreign returns the protocol that b, the first bytes from a client, belongs to if it cannot be HTTP/1; nil if it may be.
func (p *Policy) Foreign(b []byte) *Foreign {
	f := &p.foreign
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

// Log warns of a client that speaks the protocol, at most once a minute.
func (f *Foreign) Log(log *slog.Logger, from netip.Addr) {
	now := time.Since(f.epoch).Nanoseconds() + 1
	if last := f.logged.Load(); (last == 0 || now-last >= foreignLogInterval.Nanoseconds()) && f.logged.CompareAndSwap(last, now) {
		log.Warn("a client does not speak HTTP/1.1 to the WebSocket port", "speaks", f.name, "from", from, "answer", f.Response.body)
	}
}
