package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"github.com/rejoin-dev/rejoin/internal/auth"
	"github.com/rejoin-dev/rejoin/internal/evloop"
	"github.com/rejoin-dev/rejoin/internal/origin"
	"github.com/rejoin-dev/rejoin/internal/upgrade"
)

// Server is a listening edge. Make it with [New]; its methods are safe for concurrent use.
type Server struct {
	// static
	cfg         Config
	pace        pace
	hub         Hub
	log         *slog.Logger
	metrics     *metrics
	policy      *upgrade.Policy
	unavailable upgrade.Response
	tooMany     upgrade.Response
	denied      map[auth.Refusal]*upgrade.Response
	epoch       time.Time
	maxSockets  int64
	maxUpgraded int64
	maxHeads    int // of one loop
	dropBound   int // of what waits for one connection

	// set by Start, before up is closed
	group *evloop.Group
	loops []*loop
	up    chan struct{} // closed when clients can connect
	done  chan struct{} // closed when the loops have ended or failed to start
	err   error         // why, valid after done

	// any goroutine
	sockets  atomic.Int64
	upgraded atomic.Int64
	clients  addresses
	refusing atomic.Bool
	stopping atomic.Bool
	empty    chan struct{} // signalled when the last socket is gone while stopping
	started  atomic.Bool
}

// reservedFiles is how many descriptors are left for the rest of the process.
const reservedFiles = 128

const (
	// fewestSpare is the minimum number of sockets for connections that are not upgraded.
	fewestSpare = 32
	// mostHeads bounds the heads that are incomplete.
	mostHeads = 16 << 10
)

// New makes a server that does not listen yet. reg may be nil.
func New(cfg Config, hub Hub, reg prometheus.Registerer, log *slog.Logger) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("check edge settings: %w", err)
	}
	origins, err := origin.NewGate(cfg.Origins, log)
	if err != nil {
		return nil, fmt.Errorf("check edge settings: %w", err)
	}
	s := &Server{
		cfg: cfg, pace: paceOf(&cfg), hub: hub, log: log,
		policy:      upgrade.NewPolicy(cfg.BasePath, origins, cfg.PeerJS),
		unavailable: upgrade.Unavailable(cfg.RetryAfter),
		tooMany:     upgrade.TooMany(cfg.RetryAfter),
		epoch:       time.Now(),
		up:          make(chan struct{}),
		done:        make(chan struct{}),
		empty:       make(chan struct{}, 1),
	}
	if cfg.Auth != nil {
		s.cfg.MaxHeadBytes += auth.MaxTokenBytes
		s.denied = deniedResponses(cfg.RetryAfter)
	}
	s.dropBound = 2 * cfg.MaxOutputBytes
	if cfg.PeerJS.Path != "" { // a ping follows the largest message
		s.dropBound = max(s.dropBound, 2*cfg.MaxPeerJSBytes)
	}
	s.clients.init(&cfg)
	if err := s.setLimits(); err != nil {
		return nil, err
	}
	s.metrics, err = newMetrics(reg, s)
	return s, err
}

// setLimits computes how many sockets there may be.
func (s *Server) setLimits() error {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("read limit on open files: %w", err)
	}
	limit := int64(min(files.Cur, 1<<30))
	s.maxSockets = max(limit-reservedFiles, limit/2)
	// Some are left for clients that are refused with Retry-After.
	s.maxUpgraded = s.maxSockets - max(s.maxSockets/32, fewestSpare)
	if asked := int64(s.cfg.MaxConnections); asked > 0 && asked < s.maxUpgraded {
		s.maxUpgraded = asked
	} else if asked > s.maxUpgraded {
		s.log.Warn("limit on open files is below the connection limit",
			"open_files", limit, "max_connections", asked, "effective", s.maxUpgraded)
	}
	// A head is complete within a round trip to its client: this many at a time are a herd, or an attack.
	heads := min(mostHeads, max(fewestSpare, s.maxUpgraded/4))
	s.maxHeads = int(heads+int64(s.cfg.Loops)-1) / s.cfg.Loops
	return nil
}

// admit counts one upgraded connection in, unless there are too many.
func (s *Server) admit() bool {
	if s.upgraded.Add(1) > s.maxUpgraded {
		s.upgraded.Add(-1)
		return false
	}
	return true
}

// Start listens and returns once clients can connect, or with an error if that is impossible. It may be called once.
func (s *Server) Start(ctx context.Context) error {
	if !s.started.CompareAndSwap(false, true) {
		return errors.New("start edge: started before")
	}
	config := evloop.Config{Addr: s.cfg.Addr, Loops: s.cfg.Loops, Tick: s.pace.tick, Log: s.log}
	group, err := evloop.Listen(ctx, config, func(ev *evloop.Loop) evloop.Handler {
		l := newLoop(s, ev)
		s.loops = append(s.loops, l)
		return l
	})
	if err != nil {
		close(s.done)
		return fmt.Errorf("listen on %s: %w", s.cfg.Addr, err)
	}
	s.group = group
	close(s.up)
	go s.run()
	return nil
}

// run is the goroutine that starts the loops. It ends after Stop, or when they fail.
func (s *Server) run() {
	defer close(s.done)
	s.err = s.group.Run()
	if s.err == nil && !s.stopping.Load() {
		s.err = errors.New("event loops ended by themselves")
	}
}

// Addr returns where the server listens, nil before Start.
func (s *Server) Addr() net.Addr {
	select {
	case <-s.up:
		return s.group.Addr()
	default:
		return nil
	}
}

// Refuse answers every upgrade with 503 from now on. Open connections stay.
func (s *Server) Refuse() { s.refusing.Store(true) }

// Done is closed when the loops have ended, after Stop or because they failed.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err returns why the loops ended once Done is closed; nil after Stop.
func (s *Server) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}
