package edge

import (
	"net/netip"
	"sync"
	"time"

	"github.com/rejoin-dev/rejoin/internal/address"
	"github.com/rejoin-dev/rejoin/internal/upgrade"
)

// addresses limits the connections of one client address, and its new connections per second. Without a limit, nothing is counted or
// stored.
type addresses struct {
	most    int
	asks    *address.Limiter // nil: no limit
	trusted []netip.Prefix

	mu   sync.Mutex
	held map[netip.Addr]int   // guarded by mu
	of   map[*conn]netip.Addr // guarded by mu
}

func (a *addresses) init(cfg *Config) {
	a.most, a.trusted = cfg.MaxPerAddress, cfg.TrustedProxies
	a.held, a.of = map[netip.Addr]int{}, map[*conn]netip.Addr{}
	if cfg.NewPerAddress > 0 {
		a.asks = address.NewLimiter(cfg.NewPerAddress, time.Second)
	}
}

// networkOf returns the network under which a peer's heads are counted; the zero address for a trusted proxy.
func (a *addresses) networkOf(peer netip.Addr) netip.Addr {
	if !peer.IsValid() || address.IsIn(peer, a.trusted) {
		return netip.Addr{}
	}
	return address.Client(peer, nil, nil)
}

// ask counts an upgrade request. It returns the client's address, which is known only if there is a limit, and whether the upgrade may be
// granted now.
func (a *addresses) ask(c *conn, r *upgrade.Request) (client netip.Addr, ok bool) {
	if a.most == 0 && a.asks == nil {
		return client, true
	}
	client = address.Client(c.socket.Peer(), r.Forwarded, a.trusted)
	return client, a.asks == nil || a.asks.Take(client, time.Now()) == 0
}

// add counts a connection in, unless its client's address is at its limit.
func (a *addresses) add(c *conn, client netip.Addr) bool {
	if a.most == 0 {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held[client] >= a.most {
		return false
	}
	a.held[client]++
	a.of[c] = client
	return true
}

// remove counts a connection out, if it was counted in.
func (a *addresses) remove(c *conn) {
	if a.most == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	client, counted := a.of[c]
	if !counted {
		return
	}
	delete(a.of, c)
	if a.held[client]--; a.held[client] == 0 {
		delete(a.held, client)
	}
}
