package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

const patience = 2 * time.Second

// Check requests GET /health on this machine, at the port and address that the function listens on (HOST; empty: all). It
// blocks for at most two seconds and returns nil if the answer is 200.
func Check(ctx context.Context, host string, port uint16) error {
	if port == 0 {
		return errors.New("ask for health: the port is 0, which is any; set one")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	url := "http://" + net.JoinHostPort(reachable(host), strconv.Itoa(int(port))) + "/health"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask for health: %w", err)
	}
	// A transport of its own: no proxy, and no idle connection left behind.
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return fmt.Errorf("ask for health: %w", err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for health: the answer is %s", res.Status)
	}
	return nil
}

// reachable returns an address at which a listener on host can be reached. One on all addresses, IPv6 included, is reachable on loopback.
func reachable(host string) string {
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
		return "127.0.0.1"
	}
	return host
}
