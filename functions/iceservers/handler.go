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

// answer sends the ICE servers to use with 200. It refuses pages of origins that are not allowed with 403, and too many requests with
// 429 and Retry-After. Parameters are ignored.
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
	// A new id each time, so that clients cannot be tracked by it in the TURN server's log or by a peer.
	servers := s.issuer.Servers(rand.Text(), now)
	_, _ = w.Write(wire.AppendICEServersBody(nil, servers, int64(s.issuer.TTL()/time.Second)))
}

// client is the address that a request counts against.
func (s *service) client(r *http.Request) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	return address.Client(peer.Addr(), r.Header.Values("X-Forwarded-For"), s.cfg.proxies)
}

// preflight answers a CORS preflight (Fetch standard, section 3.3). A plain fetch does not need one.
func (s *service) preflight(w http.ResponseWriter, r *http.Request) {
	if !s.allow(w, r) {
		http.Error(w, "origin not allowed", http.StatusForbidden)
		return
	}
	w.Header().Set("Access-Control-Allow-Methods", "GET")
	w.Header().Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
}

// allow reports whether the origin is allowed, by the edge's rule: a request without an origin is not from a page and is always
// allowed. An allowed page gets CORS headers.
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
