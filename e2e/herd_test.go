package e2e_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// The herds are not parallel: each needs 15,000 descriptors.

// TestHerdCutAtOnce: 5,000 clients (a tenth without REJOIN_SOAK) lose their connections in one moment, with the instance that held
// a third of them or through the balancer that held all. Every one of them resumes. R1, R2.
func TestHerdCutAtOnce(t *testing.T) {
	ctx := limit(t)
	h := newHerd(ctx, t, many(5000), 3)
	h.back("all connections cut at once", func() { h.balancer.cut() }, len(h.clients))
	held := int(h.servers[2].Metric("rejoin_sessions"))
	h.back("kill -9 of one instance of three", func() {
		h.balancer.remove(h.servers[2].Addr())
		h.servers[2].Kill()
	}, held)
}

// TestHerdRollingDeploy: three instances that hold 5,000 clients (a tenth without REJOIN_SOAK) are replaced one after the other, as
// orchestrators do. Every client moves as often as its instance ends, resumes each time, and gets what was sent meanwhile. R16.
func TestHerdRollingDeploy(t *testing.T) {
	ctx := limit(t)
	h := newHerd(ctx, t, many(5000), 3)
	began := time.Now()
	for i, old := range h.servers {
		next := proctest.StartPlain(t, h.settings...)
		h.balancer.add(next.Addr())
		h.balancer.remove(old.Addr())
		held := int(old.Metric("rejoin_sessions"))
		h.back("SIGTERM", func() {
			old.Terminate()
			if err := old.Wait(ctx); err != nil {
				t.Errorf("ended with %v", err)
			}
		}, held)
		h.servers[i] = next
	}
	t.Logf("rolling deploy of three instances: %d clients, %.1f s", len(h.clients), time.Since(began).Seconds())
	// Each still is whom its peers know.
	for i, p := range h.clients {
		peer := h.clients[i^1]
		peer.send(h.ids[i], "offer", "after")
		if got := wait[client.Data](p).Payload; got != "after" {
			t.Fatalf("client %d got %q", i, got)
		}
	}
}

// herd is many clients, in pairs, behind a balancer.
type herd struct {
	t        *testing.T
	settings []string
	servers  []*proctest.Process
	balancer *balancer
	clients  []peer
	ids      []string
}

// newHerd returns when all are connected. The servers are built without the race detector: there are many clients.
func newHerd(ctx context.Context, t *testing.T, clients, instances int) *herd {
	h := &herd{t: t, settings: []string{"REDIS_URL=" + redistest.Server(t), "DRAIN_TIMEOUT=8s"}, balancer: newBalancer(t)}
	for range instances {
		s := proctest.StartPlain(t, h.settings...)
		h.servers = append(h.servers, s)
		h.balancer.add(s.Addr())
	}
	clients &^= 1
	h.clients, h.ids = make([]peer, clients), make([]string, clients)
	var wg sync.WaitGroup
	lanes := make(chan struct{}, 50)
	for i := 0; i < clients; i += 2 {
		room := newRoom()
		for j, role := range []string{client.Wallet, client.Extension} {
			lanes <- struct{}{}
			wg.Go(func() {
				defer func() { <-lanes }()
				p := dial(ctx, t, client.Config{URL: h.balancer.url(), Room: room, Source: role, Backoff: client.Backoff{Min: 50 * time.Millisecond, Max: time.Second}})
				h.clients[i+j], h.ids[i+j] = p, wait[client.Session](p).ClientID
			})
		}
	}
	wg.Wait()
	return h
}

// back does what cuts clients off, waits until as many have resumed as were held, and tells what it cost.
func (h *herd) back(what string, cut func(), held int) {
	h.t.Helper()
	var before []float64
	for _, s := range h.servers {
		before = append(before, s.Metric("process_cpu_seconds_total"))
	}
	began := time.Now()
	resumed := make(chan bool, len(h.clients))
	done, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i, p := range h.clients {
		wg.Go(func() {
			for {
				ev, err := p.Next(done)
				if err != nil {
					return // it was not cut off
				}
				if s, ok := ev.(client.Session); ok {
					if !s.Resumed || s.ClientID != h.ids[i] {
						h.t.Errorf("client %d was not resumed: %s", i, s.Reason)
					}
					resumed <- true
					return
				}
			}
		})
	}
	cut()
	for range held {
		select {
		case <-resumed:
		case <-h.clients[0].ctx.Done():
			h.t.Fatalf("%s: not all came back", what)
		}
	}
	took := time.Since(began)
	stop()
	wg.Wait()
	cpu, peak := 0.0, int64(0)
	for i, s := range h.servers {
		if now := s.Metric("process_cpu_seconds_total"); now > 0 { // it runs
			cpu, peak = cpu+now-before[i], max(peak, s.Peak())
		}
	}
	h.t.Logf("%s: %d of %d clients were cut off and are back after %.1f s; the servers that are left used %.1f s of processor time, peak memory of one %.0f MB",
		what, held, len(h.clients), took.Seconds(), cpu, float64(peak)/1e6)
}

// balancer forwards TCP connections to its servers by turns.
type balancer struct {
	listener net.Listener
	wg       sync.WaitGroup

	mu      sync.Mutex
	servers []string          // guarded by mu
	next    int               // guarded by mu
	conns   map[net.Conn]bool // guarded by mu
}

func newBalancer(t *testing.T) *balancer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{listener: l, conns: map[net.Conn]bool{}}
	b.wg.Go(b.accept)
	t.Cleanup(func() {
		l.Close()
		b.cut()
		b.wg.Wait()
	})
	return b
}

func (b *balancer) url() string { return "ws://" + b.listener.Addr().String() }

func (b *balancer) add(addr string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.servers = append(b.servers, addr)
}

// remove sends no new connections there; those that are open stay.
func (b *balancer) remove(addr string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, s := range b.servers {
		if s == addr {
			b.servers = append(b.servers[:i:i], b.servers[i+1:]...)
			return
		}
	}
}

// cut ends all connections.
func (b *balancer) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.conns {
		c.Close()
	}
}

func (b *balancer) accept() {
	for {
		c, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.wg.Go(func() { b.forward(c) })
	}
}

func (b *balancer) forward(c net.Conn) {
	defer c.Close()
	b.mu.Lock()
	to := b.servers[b.next%len(b.servers)]
	b.next++
	b.mu.Unlock()
	s, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer s.Close()
	b.mu.Lock()
	b.conns[c] = true
	b.mu.Unlock()
	var up sync.WaitGroup
	up.Go(func() {
		transfer(s, c)
		s.Close()
	})
	transfer(c, s)
	c.Close()
	up.Wait()
	b.mu.Lock()
	delete(b.conns, c)
	b.mu.Unlock()
}

// transfer copies without splice(2), whose two pipes for each connection would take four descriptors more.
func transfer(to io.Writer, from io.Reader) {
	_, _ = io.Copy(struct{ io.Writer }{to}, struct{ io.Reader }{from})
}
