package main

import (
	"crypto/rand"
	"io"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/rejoin-dev/rejoin/internal/address"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

const path = "/ice-servers"

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET "+path, s.answer)
	mux.HandleFunc("OPTIONS "+path, s.preflight)
	return mux
}

// answer tells which ICE servers to use: 200, 403 for a page of an origin that is not allowed, 429 with Retry-After. Parameters
// are ignored.
func (s *service) answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if !s.allow(w, r) {
		http.Error(w, "origin not allowed", http.StatusForbidden)
		return
	}
	now := time.Now()
	if wait := s.limiter.Take(s.client(r), now); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		http.Error(w, "too many requests", http.StatusTooManyRequests)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// The id is a new one each time: nobody can be followed by it, neither in the TURN server's log nor by a peer.
	servers := s.issuer.Servers(rand.Text(), now)
	_, _ = w.Write(wire.AppendICEServersBody(nil, servers, int64(s.issuer.TTL()/time.Second)))
}

// client is the address that a request counts for.
func (s *service) client(r *http.Request) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	return address.Client(peer.Addr(), r.Header.Values("X-Forwarded-For"), s.cfg.proxies)
}

// preflight answers a browser that asks whether its page may ask (Fetch standard, section 3.3). A plain fetch does without.
func (s *service) preflight(w http.ResponseWriter, r *http.Request) {
	if !s.allow(w, r) {
		http.Error(w, "origin not allowed", http.StatusForbidden)
		return
	}
	w.Header().Set("Access-Control-Allow-Methods", "GET")
	w.Header().Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
}

// allow reports whether the origin is allowed, by the rule of the edge: a request without one is no page's and always is. A page
// that is allowed is told so by CORS headers.
func (s *service) allow(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Add("Vary", "Origin")
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	if len(origins) > 1 || !s.origins.Allows(origins[0]) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origins[0])
	w.Header().Set("Access-Control-Expose-Headers", "Retry-After")
	return true
}
