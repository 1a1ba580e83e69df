package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rejoin-dev/rejoin/web/demo"
)

// private is the HTTP server for operators: probes, metrics, profiles, the demo.
type private struct {
	mux      *http.ServeMux
	server   *http.Server
	listener net.Listener
	done     chan error
}

func newPrivate(s *service) (*private, error) {
	mux := http.NewServeMux()
	// Liveness: the process works. Redis being away is no reason to restart it.
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.ready(); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ready\n")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	if s.cfg.Pprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(s.cfg.Host, strconv.Itoa(int(s.cfg.HTTPPort))))
	if err != nil {
		return nil, fmt.Errorf("listen for private HTTP (HTTP_PORT): %w", err)
	}
	p := &private{mux: mux, server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}, listener: l, done: make(chan error, 1)}
	go func() { p.done <- p.server.Serve(l) }()
	return p, nil
}

// serveDemo adds the demo, once it is known where the WebSockets are.
func (p *private) serveDemo(s *service) {
	p.mux.Handle(demo.Path, demo.Handler(demo.Config{WebSocketPort: portOf(s.edge.Addr()), ICEServers: s.cfg.TURN.Configured()}))
}

func (p *private) addr() net.Addr { return p.listener.Addr() }

// stop ends the server and waits for it, at most a second for requests under way.
func (p *private) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	err := p.server.Shutdown(ctx)
	if served := <-p.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if err != nil {
		return fmt.Errorf("stop private HTTP: %w", err)
	}
	return nil
}
