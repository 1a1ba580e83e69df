package edge

import (
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/rejoin-dev/rejoin/internal/address"
)

// addresses counts connections by client address. While there is no limit nothing is counted or kept.
type addresses struct {
	most    int
	trusted []netip.Prefix

	mu   sync.Mutex
	held map[netip.Addr]int   // guarded by mu
	of   map[*conn]netip.Addr // guarded by mu
}

func (a *addresses) init(cfg *Config) {
	a.most, a.trusted = cfg.MaxPerAddress, cfg.TrustedProxies
	a.held, a.of = map[netip.Addr]int{}, map[*conn]netip.Addr{}
}

// take counts a connection in, unless its client's address has as many as it may.
func (a *addresses) take(c *conn, h *head) bool {
	if a.most == 0 {
		return true
	}
	client := address.Client(c.peer(), h.forwarded, a.trusted)
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
