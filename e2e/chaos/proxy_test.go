package chaos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

// proxy is a Toxiproxy in front of one address. Its methods are safe for concurrent use.
type proxy struct {
	t  testing.TB
	mu sync.Mutex
	*toxiproxy.Proxy
}

func newProxy(t testing.TB, upstream string) *proxy {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := &proxy{t: t, Proxy: toxiproxy.NewProxy(server, upstream, "127.0.0.1:0", upstream)}
	if err := p.Start(); err != nil {
		t.Fatalf("start proxy: %v", err)
	}
	t.Cleanup(p.Stop)
	return p
}

// addr is where to connect to.
func (p *proxy) addr() string {
	p.Lock()
	defer p.Unlock()
	return p.Listen
}

// poison adds toxics of one type in the given directions, "upstream" or "downstream".
func (p *proxy) poison(kind string, attributes map[string]int, directions ...string) {
	p.t.Helper()
	for _, d := range directions {
		text, err := json.Marshal(map[string]any{"type": kind, "stream": d, "attributes": attributes})
		if err != nil {
			p.t.Fatal(err)
		}
		if _, err := p.Toxics.AddToxicJson(strings.NewReader(string(text))); err != nil {
			p.t.Fatalf("add toxic %s: %v", kind, err)
		}
	}
}

// cure removes all toxics.
func (p *proxy) cure() {
	p.t.Helper()
	cured := make(chan struct{})
	go func() {
		p.Toxics.ResetToxics(context.Background())
		close(cured)
	}()
	select {
	case <-cured:
	case <-time.After(patience): // Toxiproxy can lock itself up here (bandwidth, ToxicCollection.chainRemoveToxic)
		p.t.Fatal("Toxiproxy did not take its toxics away")
	}
}

// cut closes all connections; new ones are taken at once.
func (p *proxy) cut() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Stop()
	err := p.Start() // on the same port: Listen names it now
	for until := time.Now().Add(patience); err != nil && time.Now().Before(until); err = p.Start() {
		time.Sleep(10 * time.Millisecond) // a connection that another process opened meanwhile may have the port
	}
	if err != nil {
		p.t.Errorf("start proxy again: %v", err)
	}
}

// deafToxic swallows every other chunk of doorbells on their way from Redis: whole pub/sub messages, so that the
// connection lives on and neither side notices.
type deafToxic struct{}

// NewState implements toxics.StatefulToxic: each connection counts for itself.
func (*deafToxic) NewState() any { return new(int) }

// Pipe implements toxics.Toxic.
func (*deafToxic) Pipe(stub *toxics.ToxicStub) {
	count := stub.State.(*int)
	for {
		select {
		case <-stub.Interrupt:
			return
		case c := <-stub.Input:
			if c == nil {
				stub.Close()
				return
			}
			if isDoorbells(c.Data) {
				if *count++; *count%2 == 1 {
					continue
				}
			}
			stub.Output <- c
		}
	}
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
