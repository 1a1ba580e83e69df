package chaos_test

import (
	"bytes"
	"testing"

	"github.com/rejoin-dev/rejoin/tools/verify/faultproxy"
)

// proxy stands in front of one address.
type proxy struct{ *faultproxy.Proxy }

func newProxy(t testing.TB, target string) proxy {
	t.Helper()
	p, err := faultproxy.Listen(target)
	if err != nil {
		t.Fatalf("start proxy: %v", err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return proxy{p}
}

// slow paces both directions.
func (p proxy) slow(pace faultproxy.Pace) {
	p.Slow(faultproxy.Up, pace)
	p.Slow(faultproxy.Down, pace)
}

// deafen drops every other chunk of doorbells on their way from Redis: whole pub/sub messages, so that the connection lives on and
// neither side notices.
func (p proxy) deafen() {
	p.FilterDown(func() func([]byte) bool {
		n := 0
		return func(chunk []byte) bool {
			if isDoorbells(chunk) {
				n++
				return n%2 == 0
			}
			return true
		}
	})
}

// isDoorbells tells whether a chunk is nothing but whole pub/sub messages.
func isDoorbells(chunk []byte) bool {
	for len(chunk) > 0 {
		rest, ok := bytes.CutPrefix(chunk, []byte("*3\r\n$7\r\nmessage\r\n"))
		if !ok {
			return false
		}
		for range 2 { // channel and payload
			length, body, ok := bytes.Cut(rest, []byte("\r\n"))
			n := number(length)
			if !ok || n < 0 || len(body) < n+2 {
				return false
			}
			rest = body[n+2:]
		}
		chunk = rest
	}
	return true
}

// number reads the length of a bulk string, "$12"; negative if it is none.
func number(text []byte) int {
	if len(text) < 2 || text[0] != '$' {
		return -1
	}
	n := 0
	for _, c := range text[1:] {
		if c < '0' || c > '9' || n > 1<<20 {
			return -1
		}
		n = 10*n + int(c-'0')
	}
	return n
}
