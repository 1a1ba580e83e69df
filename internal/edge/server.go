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

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"github.com/rejoin-dev/rejoin/internal/auth"
	"github.com/rejoin-dev/rejoin/internal/origin"
)

// Server is a listening edge. Make it with [New]; its methods are safe for concurrent use.
type Server struct {
	// static
	cfg         Config
	pace        pace
	hub         Hub
	log         *slog.Logger
	metrics     *metrics
	origins     *origin.Gate
	unavailable answer
	tooMany     answer
	denied      map[auth.Refusal]*answer
	epoch       time.Time
	maxSockets  int64
	maxUpgraded int64
	maxHeads    int // of one loop

	// set by Start
	addr   net.Addr
	engine *engine
	up     chan struct{} // closed when the loops run
	upOnce sync.Once
	done   chan struct{} // closed when they have ended
	err    error         // why, valid after done

	// any goroutine
	loops    atomic.Pointer[[]*loop]
	sockets  atomic.Int64
	upgraded atomic.Int64
	clients  addresses
	foreign  *foreigners
	refusing atomic.Bool
	stopping atomic.Bool
	empty    chan struct{} // signalled when the last socket is gone while stopping
	started  atomic.Bool
}

// Sizes of buffers, in bytes: of the kernel's for each socket, which bound what one client that does not read, or that only
// sends, can make it hold; and of the one in each loop that is read into.
const (
	kernelBuffer = 16 << 10
	readBuffer   = 64 << 10
)

// reservedFiles is how many descriptors are left to the rest of the process.
const reservedFiles = 128

const (
	// fewestSpare is how many sockets there are at least for those that are not upgraded.
	fewestSpare = 32
	// mostHeads bounds the heads that are not complete.
	mostHeads = 16 << 10
)

// New makes a server that does not listen yet. reg may be nil.
func New(cfg Config, hub Hub, reg prometheus.Registerer, log *slog.Logger) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("check edge settings: %w", err)
	}
	s := &Server{
		cfg: cfg, pace: paceOf(&cfg), hub: hub, log: log,
		unavailable: answerUnavailable,
		tooMany:     answerTooMany,
		epoch:       time.Now(),
		foreign:     newForeigners(),
		engine:      newEngine(),
		up:          make(chan struct{}),
		done:        make(chan struct{}),
		empty:       make(chan struct{}, 1),
	}
	seconds := (cfg.RetryAfter + time.Second - 1) / time.Second
	s.unavailable.header = "Retry-After: " + strconv.Itoa(int(seconds)) + "\r\n"
	s.tooMany.header = s.unavailable.header
	if cfg.Auth != nil {
		s.cfg.MaxHeadBytes += auth.MaxTokenBytes
		s.denied = deniedAnswers(s.unavailable.header)
	}
	s.loops.Store(new([]*loop))
	s.clients.init(&cfg)
	if err := s.bound(); err != nil {
		return nil, err
	}
	var err error
	if s.origins, err = origin.NewGate(cfg.Origins, log); err != nil {
		return nil, fmt.Errorf("check edge settings: %w", err)
	}
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
	s.maxUpgraded = s.maxSockets - max(s.maxSockets/32, fewestSpare)
	if asked := int64(s.cfg.MaxConnections); asked > 0 && asked < s.maxUpgraded {
		s.maxUpgraded = asked
	} else if asked > s.maxUpgraded {
		s.log.Warn("limit on open files is below the connection limit",
			"open_files", limit, "max_connections", asked, "effective", s.maxUpgraded)
	}
	// Heads come and go within a round trip to the client: as many as this are a herd, or somebody who means no good.
	heads := min(mostHeads, max(fewestSpare, s.maxUpgraded/4))
	s.maxHeads = int(heads+int64(s.cfg.Loops)-1) / s.cfg.Loops
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
	go s.run(hold.addr)
	select {
	case <-s.up:
		return nil
	case <-s.done:
		return fmt.Errorf("listen on %s: %w", s.cfg.Addr, s.err)
	case <-ctx.Done():
		return fmt.Errorf("start edge: %w", ctx.Err())
	}
}

// run is the goroutine that the loops are started from. It ends after Stop, or when they fail for good.
func (s *Server) run(addr *net.TCPAddr) {
	defer close(s.done)
	s.err = s.engine.run(s, addr)
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
