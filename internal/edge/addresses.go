package edge

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rejoin-dev/rejoin/internal/address"
)

// addresses bounds what one client address may have: connections, and new ones a second. While there is no limit nothing is
// counted or kept.
type addresses struct {
	most    int
	asks    *address.Limiter // nil: any number
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

// ask counts a request for an upgrade, and reports whose it is and whether it may be had now. The address is only known where
// there is a limit.
func (a *addresses) ask(c *conn, h *head) (client netip.Addr, ok bool) {
	if a.most == 0 && a.asks == nil {
		return client, true
	}
	client = address.Client(c.peer(), h.forwarded, a.trusted)
	return client, a.asks == nil || a.asks.Take(client, time.Now()) == 0
}

// take counts a connection in, unless its client's address has as many as it may.
func (a *addresses) take(c *conn, client netip.Addr) bool {
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

// drop counts a connection out, if it was counted in.
func (a *addresses) drop(c *conn) {
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

// peer returns the address at the other end, the zero one if it is gone.
func (c *conn) peer() netip.Addr {
	sa, err := unix.Getpeername(c.descriptor())
	if err != nil {
		return netip.Addr{}
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(sa.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(sa.Addr)
	}
	return netip.Addr{}
}
