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

// Config is what a Hub can be told. Every field must be set but those that say otherwise.
type Config struct {
	// ResumeRoles are the roles whose plain clients are waited for and replayed to (RESUME_BY_ROLE).
	ResumeRoles []wire.Role
	// PeerJSKey is the key that PeerJS clients come with (PEERJS_KEY).
	PeerJSKey string
	// PeerJSDiscovery: the PeerJS ids that are connected are listed (Peers).
	PeerJSDiscovery bool
	// PingInterval and MaxMessageBytes are told to rejoin.v1 clients.
	PingInterval    time.Duration
	MaxMessageBytes int
	// MaxConnectionAge: connections are asked to reconnect before they are this old; 0: never.
	MaxConnectionAge time.Duration
	// SyncInterval is how often each session is compared with Redis, the backstop for lost doorbells.
	SyncInterval time.Duration
	// ICEServers makes what the rejoin.v1 client of that id is told after its session frame, and again before it is
	// ICELifetime old, which must be at least four times SyncInterval; nil: nothing. It must not block.
	ICEServers  func(client string, now time.Time) []wire.ICEServer
	ICELifetime time.Duration

	// Revoked says whether the token that a client was let in by is revoked by now; nil: none ever is. It must not block. See Recheck.
	Revoked func(who *wire.Identity, now time.Time) bool

	// Seed, unless zero, replaces all randomness of the hub, so that a simulated history can be repeated. A server leaves it zero:
	// clients choose their rooms, and are not to choose their places.
	Seed uint64
	// Buffers counts, with others, what clients send before their sessions are attached; clients that send more when it is
	// exceeded are told to come back later. nil: any number of bytes.
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
	// attaching is how many wait for Redis, and waited how long the last that it answered did, nanoseconds.
	attaching atomic.Int64
	waited    atomic.Int64
	expired   atomic.Uint64  // EXPIREs that were sent on behalf of sessions that ended
	leaving   atomic.Int64   // sessions without a connection that Redis has not heard of yet
	sending   atomic.Int64   // messages that Redis has not answered yet
	relist    time.Time      // when PeerJS ids are listed again; owned by Run
	missing   map[string]int // instance → renewals without it; owned by Instances

	tokens  atomic.Bool // clients have shown tokens
	recheck atomic.Bool // some of them have been revoked
	resync  atomic.Bool // all sessions are to Sync …
	restore atomic.Bool // … or to be attached again
	// replaced is when another primary of Redis was last seen, or one that lost its data: after began; 0 never.
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
	rooms    map[uint64]*Attachment // by hash of the room, a list by Session.next: 16 bytes a client in place of 40
	dirty    []*Attachment          // acknowledged more than was flushed
	unproven []*Attachment          // waiting for proofLater
	dec      wire.Decoder
	frame    []byte // scratch for one outgoing frame
}

var (
	errDraining = errors.New("draining")
	errBusy     = errors.New("redis: sessions wait too long to be attached")
)

// attachPatience is less than half of what a step waits for Redis by default.
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

// Ready says why this instance should get no new clients, nil if it should.
func (h *Hub) Ready() error {
	if h.draining.Load() {
		return errDraining
	}
	return h.backbone.Ready()
}

// Busy says why a newcomer would wait too long, nil if it would not. It should be told to come later: queued, it would be given
// up when Redis has not answered in time, and so would all behind it.
func (h *Hub) Busy() error {
	if h.attaching.Load() > 0 && time.Duration(h.waited.Load()) > attachPatience {
		return errBusy
	}
	return nil
}

// Serves says why a newcomer to a room would not be served, nil if it would, as far as is known: the part of Redis that has the room
// may be away.
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

// of yields the sessions of a room; the one that was yielded may be removed meanwhile.
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

// find returns the session with that number, live or attaching, nil if it is not here.
func (sh *shard) find(room wire.RoomID, sid number) *Attachment {
	for s := range sh.of(room) {
		if s.sid == sid {
			return s
		}
	}
	return nil
}

// seconds is t in seconds since the hub began. Like all times here it is monotonic: clocks are set, and a session is as old as it is.
func (h *Hub) seconds(t time.Time) uint32 { return uint32(max(0, t.Sub(h.began).Seconds())) }

// age is how long ago, at t, a session's connection was opened.
func (a *Attachment) age(t time.Time) time.Duration {
	return t.Sub(a.hub.began) - time.Duration(a.opened)*time.Second
}

// now is the time in milliseconds since a minute before the hub began; it wraps after 49 days, as its users allow.
func (h *Hub) now() uint32 { return uint32((time.Since(h.began) + time.Minute).Milliseconds()) }
