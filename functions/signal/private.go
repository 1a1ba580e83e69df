package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rejoin-dev/rejoin/internal/admin"
	"github.com/rejoin-dev/rejoin/web/demo"
)

// private is the HTTP server for operators: probes, metrics, profiles, the demo.
type private struct {
	mux      *http.ServeMux
	server   *http.Server
	listener net.Listener
	done     chan error
}

const profiles = "/debug/pprof/"

func newPrivate(s *service) (*private, error) {
	mux := http.NewServeMux()
	// Liveness: the process works. Do not restart it for a Redis outage.
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.ready(); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ready\n")
	})
	errorLog := slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)
	// If one collector fails, serve the other metrics.
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{ErrorLog: errorLog, ErrorHandling: promhttp.ContinueOnError}))
	if s.operator != nil {
		mux.Handle(admin.Prefix, admin.Handler(admin.Config{
			Backbone: s.backbone, Allowed: s.operator.Has, Revocable: s.verifier != nil, PeerJSKey: s.cfg.PeerJSKey, MaxMessageBytes: s.cfg.MaxMessageBytes, Logger: s.log,
		}))
	}
	if s.cfg.Pprof {
		mux.HandleFunc(profiles, pprof.Index)
		mux.HandleFunc(profiles+"cmdline", pprof.Cmdline)
		mux.HandleFunc(profiles+"profile", pprof.Profile)
		mux.HandleFunc(profiles+"symbol", pprof.Symbol)
		mux.HandleFunc(profiles+"trace", pprof.Trace)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(s.cfg.Host, strconv.Itoa(int(s.cfg.HTTPPort))))
	if err != nil {
		return nil, fmt.Errorf("listen for private HTTP (HOST, HTTP_PORT): %w", err)
	}
	server := &http.Server{
		Handler: hurried(mux), ErrorLog: errorLog, MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: readTimeout, IdleTimeout: 2 * time.Minute,
	}
	p := &private{mux: mux, server: server, listener: l, done: make(chan error, 1)}
	go func() { p.done <- p.server.Serve(l) }()
	return p, nil
}

// Requests have small bodies or none, and answers are small. A client that takes longer than this is cut off.
const readTimeout, writeTimeout = 10 * time.Second, 10 * time.Second

// hurried bounds how long a client may take to read an answer. Profiles take as long as requested.
func hurried(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, profiles) {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) // net/http supports it
		}
		next.ServeHTTP(w, r)
	})
}

// serveDemo adds the demo, once the WebSocket port is known.
func (p *private) serveDemo(s *service) {
	p.mux.Handle(demo.Path, demo.Handler(demo.Config{WebSocketPort: portOf(s.edge.Addr()), ICEServers: s.cfg.TURN.Configured(), PeerJSPath: s.cfg.peerjs.Path, PeerJSKey: s.cfg.peerjs.Key}))
}

func (p *private) addr() net.Addr { return p.listener.Addr() }

// stop ends the server. It waits for requests in progress, at most a second and no longer than ctx, and cuts those that take
// longer, so that a scraper that does not read cannot delay the exit.
func (p *private) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if p.server.Shutdown(ctx) != nil {
		_ = p.server.Close() // the error is of connections that are abandoned
	}
	if err := <-p.done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve private HTTP: %w", err)
	}
	return nil
}
