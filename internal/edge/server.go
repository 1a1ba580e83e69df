package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"
)

// Server is a listening edge. Make it with [New]; its methods are safe for concurrent use.
type Server struct {
	// static
	cfg         Config
	pace        pace
	hub         Hub
	log         *slog.Logger
	metrics     *metrics
	unavailable answer
	epoch       time.Time
	maxSockets  int64
	maxUpgraded int64

	// set by Start
	addr   net.Addr
	engine gnet.Engine
	up     chan struct{} // closed when the loops run
	upOnce sync.Once
	done   chan struct{} // closed when they have ended
	err    error         // why, valid after done

	// any goroutine
	loops    atomic.Pointer[[]*loop]
	adding   sync.Mutex // held to add a loop
	sockets  atomic.Int64
	upgraded atomic.Int64
	buffered atomic.Int64 // bytes of incomplete heads and messages
	refusing atomic.Bool
	stopping atomic.Bool
	empty    chan struct{} // signalled when the last socket is gone while stopping
	started  atomic.Bool
}

// Sizes of the buffers that the kernel and gnet hold, in bytes. The kernel's bound what one client that does
// not read, or that only sends, can make it hold; gnet's are one per loop (reading) and a threshold (writing).
const (
	kernelBuffer = 16 << 10
	readBuffer   = 64 << 10
	writeBuffer  = 4 << 10
)

// reservedFiles is how many descriptors are left to the rest of the process.
const reservedFiles = 128

// New makes a server that does not listen yet. reg may be nil.
func New(cfg Config, hub Hub, reg prometheus.Registerer, log *slog.Logger) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("check edge settings: %w", err)
	}
	s := &Server{
		cfg: cfg, pace: paceOf(&cfg), hub: hub, log: log,
		unavailable: answerUnavailable,
		epoch:       time.Now(),
		up:          make(chan struct{}),
		done:        make(chan struct{}),
		empty:       make(chan struct{}, 1),
	}
	seconds := (cfg.RetryAfter + time.Second - 1) / time.Second
	s.unavailable.header = "Retry-After: " + strconv.Itoa(int(seconds)) + "\r\n"
	s.loops.Store(new([]*loop))
	if err := s.bound(); err != nil {
		return nil, err
	}
	var err error
	s.metrics, err = newMetrics(reg, s)
	return s, err
}

// bound works out how many sockets there may be.
func (s *Server) bound() error {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("read limit on open files: %w", err)
	}
	limit := int64(min(files.Cur, 1<<30))
	s.maxSockets = max(limit-reservedFiles, limit/2)
	// Some are left for those that are told to come back later.
	s.maxUpgraded = s.maxSockets - s.maxSockets/32
	if asked := int64(s.cfg.MaxConnections); asked > 0 && asked < s.maxUpgraded {
		s.maxUpgraded = asked
	} else if asked > s.maxUpgraded {
		s.log.Warn("limit on open files is below the connection limit",
			"open_files", limit, "max_connections", asked, "effective", s.maxUpgraded)
	}
	return nil
}

// Start listens and returns once connections are accepted, with an error if that cannot be or ctx ends before.
// It may be called once.
func (s *Server) Start(ctx context.Context) error {
	if !s.started.CompareAndSwap(false, true) {
		return errors.New("start edge: started before")
	}
	hold, err := reserve(s.cfg.Addr)
	if err != nil {
		close(s.done)
		return fmt.Errorf("listen on %s: %w", s.cfg.Addr, err)
	}
	defer hold.release()
	s.addr = hold.addr
	go s.run(hold.target)
	select {
	case <-s.up:
		return nil
	case <-s.done:
		return fmt.Errorf("listen on %s: %w", s.cfg.Addr, s.err)
	case <-ctx.Done():
		return fmt.Errorf("start edge: %w", ctx.Err())
	}
}

// run is the goroutine that gnet's engine lives in. It ends after Stop, or when accepting fails for good.
func (s *Server) run(target string) {
	defer close(s.done)
	s.err = gnet.Run(&handler{srv: s}, target,
		gnet.WithNumEventLoop(s.cfg.Loops),
		gnet.WithMulticore(s.cfg.Loops > 1),
		// One listener per loop: each accepts one socket at a time, so that the bound on
		// descriptors holds, and no socket changes threads.
		gnet.WithReusePort(true),
		gnet.WithReuseAddr(true),
		gnet.WithTCPNoDelay(gnet.TCPNoDelay),
		gnet.WithSocketSendBuffer(kernelBuffer),
		gnet.WithSocketRecvBuffer(kernelBuffer),
		gnet.WithReadBufferCap(readBuffer),
		gnet.WithWriteBufferCap(writeBuffer),
		gnet.WithTicker(true),
		gnet.WithLogger(engineLog{s.log}),
	)
	if s.err == nil && !s.stopping.Load() {
		s.err = errors.New("event loops ended by themselves")
	}
}

func (s *Server) signalUp() { s.upOnce.Do(func() { close(s.up) }) }

// Addr returns where the server listens, nil before Start.
func (s *Server) Addr() net.Addr { return s.addr }

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
