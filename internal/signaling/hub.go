package signaling

import (
	"errors"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/rejoin-dev/rejoin/internal/budget"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// Config configures a Hub. Every field must be set unless it says otherwise.
type Config struct {
	// ResumeRoles are the roles whose plain clients get a grace window and replay (RESUME_BY_ROLE).
	ResumeRoles []wire.Role
	// PeerJSKey is the key that PeerJS clients must present (PEERJS_KEY).
	PeerJSKey string
	// PeerJSDiscovery enables the list of connected PeerJS ids (Peers).
	PeerJSDiscovery bool
	// PingInterval and MaxMessageBytes are announced to rejoin.v1 clients.
	PingInterval    time.Duration
	MaxMessageBytes int
	// MaxConnectionAge: connections are asked to reconnect before they are this old; 0: never.
	MaxConnectionAge time.Duration
	// SyncInterval is how often each session is compared with Redis, the backstop for lost doorbells.
	SyncInterval time.Duration
	// ICEServers returns the ICE servers for the rejoin.v1 client with that id. They are sent after its session frame, and renewed before
	// they are ICELifetime old, which must be at least four times SyncInterval. nil: none are sent. It must not block.
	ICEServers  func(client string, now time.Time) []wire.ICEServer
	ICELifetime time.Duration

	// Revoked reports whether the token a client was admitted with has been revoked; nil: none ever is. It must not block. See Recheck.
	Revoked func(who *wire.Identity, now time.Time) bool

	// Seed, unless zero, replaces all randomness of the hub, so that a simulated history can be repeated. A server leaves it zero: clients
	// choose their rooms but must not choose their places.
	Seed uint64
	// Buffers is a shared budget that also counts messages from clients before their sessions are attached. While it is exceeded, clients
	// that send more are told to come back later. nil: no limit.
	Buffers *budget.Budget

	Registerer prometheus.Registerer
	Logger     *slog.Logger
	// Tracer makes spans of connections and messages; nil: none. The Backbone should understand traces (streams.Options.Traced).
	Tracer trace.Tracer
}

const shardCount = 64 // a power of two

// Hub holds the sessions of one instance. It implements streams.Handler.
type Hub struct {
	cfg      Config
	log      *slog.Logger
	backbone Backbone
	metrics  *metrics
	shards   [shardCount]shard

	windows      windows
	limited      limited
	probes       probes
	retries      retries
	timers       timers
	claimQueries claimQueries
	peerQueries  peerQueries
	logLimit     lineLimit // of lines about unintended ends

	draining atomic.Bool
	sessions atomic.Int64 // open connections, attaching ones included
	// attaching is how many attaches wait for Redis; waited is how long the last answered one did, in nanoseconds.
	attaching atomic.Int64
	waited    atomic.Int64
	expired   atomic.Uint64  // EXPIREs sent on behalf of ended sessions
	leaving   atomic.Int64   // sessions that lost their connection, which Redis does not know yet
	sending   atomic.Int64   // messages not yet answered by Redis
	relist    time.Time      // when PeerJS ids are listed again; owned by Run
	missing   map[string]int // instance → renewals without it; owned by Instances

	tokens  atomic.Bool // clients have shown tokens
	recheck atomic.Bool // some of them have been revoked
	resync  atomic.Bool // all sessions are to Sync …
	restore atomic.Bool // … or to be attached again
	// replaced is when a new primary of Redis, or one that lost its data, was last seen, as a time since began; 0: never.
	replaced atomic.Int64
	wake     chan struct{}
	began    time.Time

	inflights sync.Pool // of *inflight
	chance    chance
}

// shard guards the sessions of its rooms.
type shard struct {
	mu       sync.Mutex
	chance   *chance
	rooms    map[uint64]*Attachment // by hash of the room, a list by Attachment.next: 16 bytes a client instead of 40
	dirty    []*Attachment          // with acknowledgements that are not flushed
	unproven []*Attachment          // waiting for proofLater
	dec      wire.Decoder
	frame    []byte // scratch for one outgoing frame
}

var (
	errDraining = errors.New("draining")
	errBusy     = errors.New("redis: sessions wait too long to be attached")
)

// attachPatience is less than half of a step's default timeout.
const attachPatience = 2 * time.Second

// NewHub returns a Hub; Run starts it.
func NewHub(cfg Config, b Backbone) *Hub {
	h := &Hub{cfg: cfg, log: cfg.Logger, backbone: b, missing: map[string]int{}, wake: make(chan struct{}, 1), began: time.Now()}
	h.inflights.New = newInflight
	h.chance.init(cfg.Seed)
	for i := range h.shards {
		h.shards[i].chance, h.shards[i].rooms = &h.chance, map[uint64]*Attachment{}
	}
	h.windows.init(h)
	h.limited.init(h)
	h.probes.init(h)
	h.metrics = newMetrics(cfg.Registerer, h)
	return h
}

// Ready reports why this instance should get no new clients; nil if it should.
func (h *Hub) Ready() error {
	if h.draining.Load() {
		return errDraining
	}
	return h.backbone.Ready()
}

// Busy reports why a newcomer would wait too long; nil if it would not. It should be told to come back later: if it were queued, it would
// time out waiting for Redis, and so would all behind it.
func (h *Hub) Busy() error {
	if h.attaching.Load() > 0 && time.Duration(h.waited.Load()) > attachPatience {
		return errBusy
	}
	return nil
}

// Serves reports why a newcomer to a room would not be served, as far as is known; nil if it would be. The primary that holds the room may
// be unreachable.
func (h *Hub) Serves(room wire.RoomID) error { return h.backbone.Serves(room.String()) }

func (h *Hub) shard(room wire.RoomID) *shard {
	return &h.shards[h.chance.place(room)%shardCount]
}

// each calls f for every session, with its shard locked.
func (h *Hub) each(f func(*Attachment)) {
	for i := range h.shards {
		h.shards[i].each(f)
	}
}

func (sh *shard) each(f func(*Attachment)) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for _, s := range sh.rooms {
		for s != nil {
			next := s.next // f may remove s
			f(s)
			s = next
		}
	}
}

func (sh *shard) key(room wire.RoomID) uint64 { return sh.chance.place(room) }

// of yields the sessions of a room; a yielded session may be removed during the iteration.
func (sh *shard) of(room wire.RoomID) iter.Seq[*Attachment] {
	return func(yield func(*Attachment) bool) {
		for s := sh.rooms[sh.key(room)]; s != nil; {
			next := s.next
			if s.room == room && !yield(s) {
				return
			}
			s = next
		}
	}
}

func (sh *shard) add(s *Attachment) {
	key := sh.key(s.room)
	s.next = sh.rooms[key]
	sh.rooms[key] = s
}

func (sh *shard) remove(s *Attachment) {
	key := sh.key(s.room)
	first := sh.rooms[key]
	if first == s {
		if s.next == nil {
			delete(sh.rooms, key)
		} else {
			sh.rooms[key] = s.next
		}
	}
	for p := first; p != nil; p = p.next {
		if p.next == s {
			p.next = s.next
		}
	}
	s.next = nil
}

// find returns the live or attaching session with that number, nil if it is not here.
func (sh *shard) find(room wire.RoomID, sid number) *Attachment {
	for s := range sh.of(room) {
		if s.sid == sid {
			return s
		}
	}
	return nil
}

// seconds is t in seconds since the hub began. Like all times here it is monotonic, so setting the clock does not change a session's age.
func (h *Hub) seconds(t time.Time) uint32 { return uint32(max(0, t.Sub(h.began).Seconds())) }

// age is how long a session's connection had been open at t.
func (a *Attachment) age(t time.Time) time.Duration {
	return t.Sub(a.hub.began) - time.Duration(a.opened)*time.Second
}

// now is the time in milliseconds since a minute before the hub began; it wraps after 49 days, and its users allow for that.
func (h *Hub) now() uint32 { return uint32((time.Since(h.began) + time.Minute).Milliseconds()) }
