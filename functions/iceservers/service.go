package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/rejoin-dev/rejoin/functions/internal/process"
	"github.com/rejoin-dev/rejoin/internal/address"
	"github.com/rejoin-dev/rejoin/internal/origin"
	"github.com/rejoin-dev/rejoin/internal/turn"
)

// service is the running process.
type service struct {
	cfg     config
	log     *slog.Logger
	issuer  *turn.Issuer
	origins *origin.Gate
	limiter *address.Limiter
}

func newService(cfg config, p *process.Process) (*service, error) {
	issuer, err := cfg.TURN.Issuer()
	if err != nil {
		return nil, err
	}
	log := p.Logger(cfg.LogFormat, cfg.LogLevel)
	origins, err := origin.NewGate(cfg.Origins, log)
	if err != nil {
		return nil, err
	}
	window := time.Duration(cfg.RateMillis) * time.Millisecond
	return &service{cfg: cfg, log: log, issuer: issuer, origins: origins, limiter: address.NewLimiter(cfg.RateRequests, window)}, nil
}

// run serves until ctx ends. Requests in progress then have most of DRAIN_TIMEOUT to finish.
func (s *service) run(ctx context.Context) error {
	l, err := net.Listen("tcp", net.JoinHostPort(s.cfg.Host, strconv.Itoa(int(s.cfg.Port))))
	if err != nil {
		return fmt.Errorf("listen (HOST, PORT): %w", err)
	}
	// A request is a head of a few hundred bytes and is answered immediately.
	server := &http.Server{
		Handler: s.handler(), MaxHeaderBytes: 8 << 10, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 30 * time.Second,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	s.log.Info("listening", "url", fmt.Sprintf("http://localhost:%d%s", portOf(l.Addr()), path))
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.Background(), s.cfg.DrainTimeout*7/8)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		s.log.Warn("requests cut", "error", err)
		_ = server.Close() // the error is of connections that are abandoned
	}
	<-served
	s.log.Info("stopped")
	return nil
}

func portOf(a net.Addr) int {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}
