package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/rejoin-dev/rejoin/functions/internal/process"
	"github.com/rejoin-dev/rejoin/internal/auth"
	"github.com/rejoin-dev/rejoin/internal/budget"
	"github.com/rejoin-dev/rejoin/internal/edge"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
	"github.com/rejoin-dev/rejoin/web/demo"
)

// service is the running process: its parts in the order they start.
type service struct {
	cfg      config
	log      *slog.Logger
	registry *prometheus.Registry
	traces   *traces
	backbone *streams.Backbone
	hub      *signaling.Hub
	verifier *auth.Verifier // nil: AUTH is off
	operator *auth.Secrets  // nil: no operator's calls
	edge     *edge.Server
	open     atomic.Bool // the WebSocket port accepts connections
}

func newService(cfg config, p *process.Process) (*service, error) {
	s := &service{cfg: cfg, log: p.Logger(cfg.LogFormat, cfg.LogLevel), registry: prometheus.NewRegistry()}
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	ice, err := cfg.TURN.Issuer()
	if err != nil {
		return nil, err
	}
	if s.verifier, err = cfg.Auth.verifier(cfg.Grace, s.registry, s.log); err != nil {
		return nil, err
	}
	if s.operator, err = cfg.Auth.operator(s.log); err != nil {
		return nil, err
	}
	opt := streams.Options{
		URL: cfg.RedisURL, Instance: cfg.Instance, Grace: cfg.Grace, Lease: cfg.Lease, CallTimeout: cfg.CallTimeout, WaitReplicas: cfg.WaitReplicas,
		MailboxEntries: cfg.MailboxMessages, MailboxBytes: cfg.MailboxBytes, RoomClients: cfg.RoomClients,
		Traced: cfg.Traces(), Registerer: s.registry, Logger: s.log,
	}
	if s.verifier != nil {
		opt.Revoked = s.revoked
	}
	if s.backbone, err = streams.Open(opt); err != nil {
		return nil, fmt.Errorf("open backbone: %w", err)
	}
	if s.traces, err = newTraces(cfg, s.backbone.Instance(), s.log); err != nil {
		return nil, errors.Join(err, s.backbone.Close(context.Background()))
	}
	buffers := bufferBudget(cfg.MaxBuffered, cfg.MaxMessageBytes)
	hc := signaling.Config{
		Buffers:     buffers,
		ResumeRoles: cfg.resumeRoles, PingInterval: cfg.PingInterval, MaxMessageBytes: cfg.MaxMessageBytes,
		PeerJSKey:        cfg.PeerJSKey,
		PeerJSDiscovery:  cfg.PeerJSDiscovery && cfg.peerjs.Path != "",
		MaxConnectionAge: cfg.MaxConnectionAge, SyncInterval: cfg.SyncInterval, Registerer: s.registry, Logger: s.log,
		Tracer: s.traces.tracer(),
	}
	if s.verifier != nil {
		hc.Revoked = s.verifier.Revocations.Has
	}
	if ice != nil {
		hc.ICEServers, hc.ICELifetime = ice.Servers, ice.TTL()
	}
	s.hub = signaling.NewHub(hc, s.backbone)
	s.edge, err = edge.New(edgeConfig(cfg, buffers, s.verifier), hubAdapter{s.hub}, s.registry, s.log)
	if err != nil {
		return nil, errors.Join(err, s.backbone.Close(context.Background()))
	}
	s.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "rejoin_log_dropped_lines_total", Help: "Lines of the log that were dropped: its reader was slow or away.",
	}, func() float64 { return float64(p.Out.Dropped()) }))
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

func edgeConfig(cfg config, buffers *budget.Budget, verifier *auth.Verifier) edge.Config {
	ec := edge.DefaultConfig()
	ec.Addr = net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port)))
	ec.Loops = runtime.GOMAXPROCS(0)
	ec.MaxConnections = cfg.MaxConnections
	ec.MaxPerAddress, ec.NewPerAddress, ec.TrustedProxies = cfg.MaxPerAddress, cfg.NewPerAddress, cfg.proxies
	ec.Buffers = buffers
	ec.MaxHeadBytes, ec.BasePath = cfg.MaxHeadBytes, cfg.basePath
	ec.MaxMessageBytes = cfg.MaxMessageBytes
	ec.PeerJS, ec.MaxPeerJSBytes = cfg.peerjs, cfg.peerMessageBytes()
	ec.MaxOutputBytes = max(ec.MaxOutputBytes, cfg.MaxMessageBytes) // a ping follows the largest message
	ec.RateLimit = cfg.RateMessages
	ec.RateWindow = time.Duration(cfg.RateMillis) * time.Millisecond
	ec.ControlLimit = controlLimit(cfg.RateMessages, ec.RateWindow)
	ec.PingInterval = cfg.PingInterval
	ec.Origins = cfg.Origins
	ec.Auth = verifier
	return ec
}

// controlLimit is how many pings and pongs a client may send per rate-limit window: ten times the number of messages, and always
// enough to answer the server's pings (P7.7).
func controlLimit(messages int, window time.Duration) int {
	if messages == 0 {
		return 0
	}
	const aSecond, most = 1000, 65_534
	return min(most, max(10*messages, aSecond*int((window+time.Second-1)/time.Second)))
}

// hubAdapter adapts the hub to the edge's interface, whose Open returns an interface.
type hubAdapter struct{ *signaling.Hub }

// Ready is asked before each upgrade.
func (h hubAdapter) Ready(room wire.RoomID) error {
	if err := h.Hub.Ready(); err != nil {
		return err
	}
	if err := h.Busy(); err != nil {
		return err
	}
	return h.Serves(room)
}

func (h hubAdapter) Open(c signaling.Conn, connect wire.Connect, offer wire.Offer) edge.Session {
	return h.Hub.Open(c, connect, offer)
}

// run serves until ctx ends, then drains and stops everything in reverse order, within DRAIN_TIMEOUT. Parts that do not stop
// in time are left behind, because the process is about to exit.
func (s *service) run(ctx context.Context) error {
	background, stopBackground := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { s.hub.Run(background) })
	wg.Go(func() { trimMemory(background) })
	for _, keep := range s.keepSecrets(background) {
		wg.Go(keep)
	}
	s.backbone.Start(s.hub)

	end, err := s.serve(ctx)

	last, cancel := context.WithDeadline(context.Background(), end)
	defer cancel()
	stopBackground()
	var errBackbone error
	if !within(last, func() {
		wg.Wait()
		errBackbone = s.backbone.Close(last)
	}, func() { s.traces.stop(last) }) {
		s.log.Warn("ended before all was stopped")
		return err
	}
	return errors.Join(err, errBackbone)
}

// within runs all functions concurrently and reports whether all returned before ctx ended. Those that did not keep running.
func within(ctx context.Context, functions ...func()) bool {
	var wg sync.WaitGroup
	for _, f := range functions {
		wg.Go(f)
	}
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// serve returns when the clients are gone, with the time by which the rest has to stop.
func (s *service) serve(ctx context.Context) (end time.Time, err error) {
	private, err := newPrivate(s)
	if err != nil {
		return s.lastMoment(time.Now()), err
	}
	s.awaitRedis(ctx)
	err = s.serveClients(ctx, private)
	asked := time.Now()
	end = s.lastMoment(asked)
	s.drain(asked)
	last, cancel := context.WithDeadline(context.Background(), end)
	defer cancel()
	return end, errors.Join(err, private.stop(last))
}

// serveClients returns nil when ctx ends, or the reason why it cannot continue.
func (s *service) serveClients(ctx context.Context, private *private) error {
	if err := s.edge.Start(ctx); ctx.Err() != nil {
		return nil // asked to stop before the start was complete
	} else if err != nil {
		return fmt.Errorf("start edge (HOST, PORT): %w", err)
	}
	if s.cfg.demo() {
		private.serveDemo(s)
	}
	s.open.Store(true)
	s.greet(private.addr())
	impossible := make(chan error, 1)
	go s.survey(ctx, impossible)
	select {
	case <-ctx.Done():
		return nil
	case err := <-impossible:
		return err
	case <-s.edge.Done(): // the event loops ended by themselves
		return s.edge.Err()
	}
}

// lastMoment is when the process should have nothing left to do but to flush its log and exit.
func (s *service) lastMoment(asked time.Time) time.Time { return asked.Add(s.cfg.orderly()) }

// startPatience is how long the WebSocket port stays closed for a Redis that does not answer; after that newcomers
// are told to come back later (503).
const startPatience = 3 * time.Second

// awaitRedis returns when the hub is ready, so that the first client is not turned away, or when its patience runs out. It waits for the
// embedded Redis however long that takes, because it always comes up.
func (s *service) awaitRedis(ctx context.Context) {
	patience := time.NewTimer(startPatience)
	defer patience.Stop()
	if s.backbone.Embedded() {
		patience.Stop()
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s.hub.Ready() != nil {
		select {
		case <-tick.C:
		case <-patience.C:
			s.log.Warn("starting without Redis", "error", s.hub.Ready())
			return
		case <-ctx.Done():
			return
		}
	}
}

// ready returns why this instance should get no new clients, or nil if it should.
func (s *service) ready() error {
	if !s.open.Load() {
		return errors.New("starting")
	}
	if s.verifier != nil {
		if err := s.verifier.Ready(); err != nil {
			return err
		}
	}
	return s.hub.Ready()
}

// drain sends the clients away. Four fifths of the time are for an orderly departure; a sixteenth is reserved for what comes after.
func (s *service) drain(asked time.Time) {
	s.log.Info("draining", "clients", s.hub.Sessions(), "timeout", s.cfg.DrainTimeout)
	whole := s.cfg.orderly()
	limit, cancel := context.WithDeadline(context.Background(), asked.Add(whole*15/16))
	defer cancel()
	s.edge.Refuse()
	leave, cancelLeave := context.WithDeadline(limit, asked.Add(whole*4/5))
	defer cancelLeave()
	s.hub.Drain(leave, whole*2/3)
	if err := s.edge.Stop(limit); err != nil {
		s.log.Warn("edge stopped late", "error", err)
	}
	s.hub.Settle(limit)
	s.log.Info("drained", "clients_cut", s.hub.Sessions(), "took", time.Since(asked).Round(time.Millisecond))
}

// greet logs where to connect, and what is missing.
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

// survey logs one line about Redis once it is reachable: what it is and what is wrong with it. If Rejoin cannot work there, the process ends.
func (s *service) survey(ctx context.Context, impossible chan<- error) {
	found, ok := s.backbone.Survey(ctx)
	if !ok || s.backbone.Embedded() {
		return
	}
	attrs := []any{
		"product", found.Product, "version", found.Version, "topology", found.Topology, "eviction", found.Eviction, "persistence", found.Persistence,
	}
	switch {
	case found.Impossible != nil:
		s.log.Error("this Redis cannot serve Rejoin", append(attrs, "error", found.Impossible)...)
		impossible <- fmt.Errorf("redis: %w", found.Impossible)
	case len(found.Problems) > 0:
		s.log.Warn("redis", append(attrs, "problems", strings.Join(found.Problems, "; "))...)
	default:
		s.log.Info("redis", attrs...)
	}
}

func portOf(a net.Addr) int {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}
