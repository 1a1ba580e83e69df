package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/rejoin-dev/rejoin/internal/edge"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
	"github.com/rejoin-dev/rejoin/web/demo"
)

// service is the running process: its parts, in the order in which they start.
type service struct {
	cfg      config
	out      io.Writer
	log      *slog.Logger
	registry *prometheus.Registry
	traces   *traces
	backbone *streams.Backbone
	hub      *signaling.Hub
	edge     *edge.Server
	open     atomic.Bool // the WebSocket port takes connections
}

func newService(cfg config, out io.Writer) (*service, error) {
	s := &service{cfg: cfg, out: out, log: newLogger(cfg, out), registry: prometheus.NewRegistry()}
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	ice, err := cfg.TURN.Issuer()
	if err != nil {
		return nil, err
	}
	s.backbone, err = streams.Open(streams.Options{
		URL: cfg.RedisURL, Instance: cfg.Instance, Grace: cfg.Grace, Lease: cfg.Lease, CallTimeout: cfg.CallTimeout, WaitReplicas: cfg.WaitReplicas,
		MailboxEntries: cfg.MailboxMessages, MailboxBytes: cfg.MailboxBytes, RoomClients: cfg.RoomClients,
		Traced: cfg.Traces(), Registerer: s.registry, Logger: s.log,
	})
	if err != nil {
		return nil, fmt.Errorf("open backbone: %w", err)
	}
	if s.traces, err = newTraces(cfg, s.backbone.Instance(), s.log); err != nil {
		return nil, errors.Join(err, s.backbone.Close(context.Background()))
	}
	hc := signaling.Config{
		ResumeRoles: cfg.resumeRoles, PingInterval: cfg.PingInterval, MaxMessageBytes: cfg.MaxMessageBytes,
		MaxConnectionAge: cfg.MaxConnectionAge, SyncInterval: cfg.SyncInterval, Registerer: s.registry, Logger: s.log,
		Tracer: s.traces.tracer(),
	}
	if ice != nil {
		hc.ICEServers, hc.ICELifetime = ice.Servers, ice.TTL()
	}
	s.hub = signaling.NewHub(hc, s.backbone)
	s.edge, err = edge.New(edgeConfig(cfg), hubAdapter{s.hub}, s.registry, s.log)
	if err != nil {
		return nil, errors.Join(err, s.backbone.Close(context.Background()))
	}
	s.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "rejoin_ready", Help: "1 while this instance should get new clients, as /ready says.",
	}, func() float64 {
		if s.ready() != nil {
			return 0
		}
		return 1
	}))
	return s, nil
}

func edgeConfig(cfg config) edge.Config {
	ec := edge.DefaultConfig()
	ec.Addr = net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port)))
	ec.Loops = runtime.GOMAXPROCS(0)
	ec.MaxConnections = cfg.MaxConnections
	ec.MaxPerAddress, ec.NewPerAddress, ec.TrustedProxies = cfg.MaxPerAddress, cfg.NewPerAddress, cfg.proxies
	ec.MaxMessageBytes = cfg.MaxMessageBytes
	ec.RateLimit = cfg.RateMessages
	ec.RateWindow = time.Duration(cfg.RateMillis) * time.Millisecond
	ec.ControlLimit = controlLimit(cfg.RateMessages, ec.RateWindow)
	ec.PingInterval = cfg.PingInterval
	ec.Origins = cfg.Origins
	return ec
}

// controlLimit is how many pings and pongs a client may send in the window in which it may send that many messages: ten times as
// many, and always enough to answer what it is pinged (P7.7).
func controlLimit(messages int, window time.Duration) int {
	if messages == 0 {
		return 0
	}
	const aSecond, most = 1000, 65_534
	return min(most, max(10*messages, aSecond*int((window+time.Second-1)/time.Second)))
}

// hubAdapter fits the hub to what the edge expects: its Open returns an interface.
type hubAdapter struct{ *signaling.Hub }

// Ready is asked before each upgrade.
func (h hubAdapter) Ready() error {
	if err := h.Hub.Ready(); err != nil {
		return err
	}
	return h.Busy()
}

func (h hubAdapter) Open(c signaling.Conn, connect wire.Connect, offer wire.Offer) edge.Session {
	return h.Hub.Open(c, connect, offer)
}

func newLogger(cfg config, out io.Writer) *slog.Logger {
	opt := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(out, opt))
	}
	return slog.New(slog.NewTextHandler(out, opt))
}

// run serves until ctx ends, then drains within DRAIN_TIMEOUT. Whatever was started is ended in reverse order.
func (s *service) run(ctx context.Context) error {
	background, stopBackground := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { s.hub.Run(background) })
	wg.Go(func() { trimMemory(background) })
	s.backbone.Start(s.hub)

	err := s.serve(ctx)

	// A little is kept for giving up the lease.
	last, cancel := context.WithTimeout(context.Background(), s.cfg.DrainTimeout/8)
	defer cancel()
	stopBackground()
	wg.Wait()
	err = errors.Join(err, s.backbone.Close(last))
	s.traces.stop(last)
	return err
}

func (s *service) serve(ctx context.Context) error {
	private, err := newPrivate(s)
	if err != nil {
		return err
	}
	s.awaitRedis(ctx)
	if err := s.edge.Start(ctx); err != nil {
		return errors.Join(fmt.Errorf("start edge: %w", err), private.stop(context.Background()))
	}
	if s.cfg.demo() {
		private.serveDemo(s)
	}
	s.open.Store(true)
	s.greet(private.addr())
	select {
	case <-ctx.Done():
	case <-s.edge.Done(): // the loops ended by themselves
		err = s.edge.Err()
	}
	s.drain()
	return errors.Join(err, private.stop(context.Background()))
}

// startPatience is how long the WebSocket port stays closed for a Redis that does not answer; after that newcomers
// are told to come back later (503).
const startPatience = time.Second

// awaitRedis returns when the hub is ready, so that the first client is not turned away, or when patience is over.
func (s *service) awaitRedis(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s.hub.Ready() != nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.log.Warn("starting without Redis", "error", s.hub.Ready())
			return
		}
	}
}

// ready says why this instance should get no new clients, nil if it should.
func (s *service) ready() error {
	if !s.open.Load() {
		return errors.New("starting")
	}
	return s.hub.Ready()
}

// drain sends the clients away: seven eighths of DRAIN_TIMEOUT, of which three quarters are for leaving in good order.
func (s *service) drain() {
	started := time.Now()
	s.log.Info("draining", "clients", s.hub.Sessions(), "timeout", s.cfg.DrainTimeout)
	limit, cancel := context.WithTimeout(context.Background(), s.cfg.DrainTimeout*7/8)
	defer cancel()
	s.edge.Refuse()
	orderly, cancelOrderly := context.WithTimeout(limit, s.cfg.DrainTimeout*3/4)
	defer cancelOrderly()
	s.hub.Drain(orderly, s.cfg.DrainTimeout*5/8)
	if err := s.edge.Stop(limit); err != nil {
		s.log.Warn("edge stopped late", "error", err)
	}
	s.log.Info("drained", "clients_cut", s.hub.Sessions(), "took", time.Since(started).Round(time.Millisecond))
}

// greet says where to connect, and what is missing.
func (s *service) greet(private net.Addr) {
	s.log.Info("listening",
		"websocket", fmt.Sprintf("ws://localhost:%d/<connectionId>?source=wallet&target=extension", portOf(s.edge.Addr())),
		"private", fmt.Sprintf("http://localhost:%d/ready", portOf(private)),
		"instance", s.backbone.Instance())
	if s.cfg.demo() {
		s.log.Info("open the demo in a browser", "demo", fmt.Sprintf("http://localhost:%d%s", portOf(private), demo.Path))
	}
	if s.backbone.Embedded() {
		s.log.Warn("no REDIS_URL: running on an embedded Redis; nothing is shared with other instances, and nothing is kept when this one stops")
	}
}

func portOf(a net.Addr) int {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}
