package streams

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Inspector reads the state in Redis, for operators. It only sends read commands, and never reads a message. Its methods block and are safe
// for concurrent use.
type Inspector struct {
	opt    *redis.UniversalOptions
	life   context.Context
	cancel context.CancelFunc
	shared bool // the client is a Backbone's

	mu     sync.Mutex
	client redis.UniversalClient // nil until Redis has said what it is
}

// RoomState is a room as Redis knows it.
type RoomState struct {
	Version uint64        // rises with every change of presence
	Lives   time.Duration // until Redis forgets the room, unless it is renewed; 0 from Scan
	Members []MemberState // oldest connection first
}

// MemberState is a session as Redis knows it.
type MemberState struct {
	Client string
	// Role is w (wallet) or e (extension) for the plain dialect's two roles, and source>target for any other.
	Role         string
	Dialect      byte
	Keep         bool   // its session survives a lost connection
	User         string // see Attach
	Suspended    bool
	Left         time.Duration // of its grace window, when suspended; negative: over, but no instance has swept yet
	Instance     string        // the current or last holder
	Leased       bool          // that instance's lease lives
	Epoch        uint64
	Attached     time.Time // when its last connection attached
	Waiting      int       // entries in its mailbox
	WaitingBytes int64
	Acknowledged EntryID // the position of its consumer group; zero from Scan
	Last         EntryID // the last entry its mailbox ever had
}

// LeaseState is an instance's lease.
type LeaseState struct {
	Instance string
	Left     time.Duration // not above 0: the lease is over
}

// NewInspector prepares an Inspector of the Redis at url (see ParseURL). The caller must close it.
func NewInspector(url string) (*Inspector, error) {
	silenceDriver()
	opt, err := ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("parse redis URL: %w", err)
	}
	tune(opt)
	i := &Inspector{opt: opt}
	i.life, i.cancel = context.WithCancel(context.Background())
	opt.Dialer = dialer(i.life, opt.TLSConfig)
	return i, nil
}

// connect returns a client that fits the server: see recognise.
func (i *Inspector) connect(ctx context.Context) (redis.UniversalClient, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.client != nil {
		return i.client, nil
	}
	client, err := recognise(ctx, i.opt)
	if err != nil {
		return nil, explain(err)
	}
	i.client = client
	return client, nil
}

// Close closes its connections.
func (i *Inspector) Close() error {
	i.cancel()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.client == nil || i.shared {
		return nil
	}
	if err := i.client.Close(); err != nil {
		return fmt.Errorf("close redis client: %w", err)
	}
	return nil
}

// ErrNoRoom is returned for a room that Redis does not have.
var ErrNoRoom = errors.New("no such room")

// Leases lists the instances that have, or recently had, a lease, by name.
func (i *Inspector) Leases(ctx context.Context) ([]LeaseState, error) {
	client, err := i.connect(ctx)
	if err != nil {
		return nil, err
	}
	now, err := client.Time(ctx).Result()
	if err != nil {
		return nil, fmt.Errorf("read time: %w", err)
	}
	p := client.Pipeline()
	var lists []*redis.ZSliceCmd
	for _, key := range leaseKeysOf(client) {
		lists = append(lists, p.ZRangeWithScores(ctx, key, 0, -1))
	}
	_, _ = p.Exec(ctx)                     // each command carries its own error
	if err := lists[0].Err(); err != nil { // one of them is enough to know the live instances
		return nil, fmt.Errorf("read leases: %w", err)
	}
	left := map[string]time.Duration{}
	for _, list := range lists {
		for _, z := range list.Val() {
			name, _ := z.Member.(string)
			if d := time.UnixMilli(int64(z.Score)).Sub(now); d > left[name] || left[name] == 0 {
				left[name] = d
			}
		}
	}
	leases := make([]LeaseState, 0, len(left))
	for name, d := range left {
		leases = append(leases, LeaseState{name, d})
	}
	slices.SortFunc(leases, func(a, b LeaseState) int { return strings.Compare(a.Instance, b.Instance) })
	return leases, nil
}

// Room reads one room: two round trips. It returns ErrNoRoom when there is none.
func (i *Inspector) Room(ctx context.Context, room string) (RoomState, error) {
	leased, now, err := i.leased(ctx)
	if err != nil {
		return RoomState{}, err
	}
	client, err := i.connect(ctx)
	if err != nil {
		return RoomState{}, err
	}
	key := roomKey(room)
	p := client.Pipeline()
	hash, lives := p.HGetAll(ctx, key), p.PTTL(ctx, key)
	if _, err := p.Exec(ctx); err != nil {
		return RoomState{}, fmt.Errorf("read room: %w", err)
	}
	if len(hash.Val()) == 0 {
		return RoomState{}, ErrNoRoom
	}
	state, err := parseRoom(hash.Val(), leased, now)
	switch {
	case err != nil:
		return state, err
	case len(state.Members) == 0: // only the list of sessions removed by the operator is left, see setLifetime in lua/lib.lua
		return RoomState{}, ErrNoRoom
	}
	state.Lives = lives.Val()
	return state, positions(ctx, client, room, state.Members)
}

// leased returns the instances whose lease lives, and the time of Redis.
func (i *Inspector) leased(ctx context.Context) (map[string]bool, time.Time, error) {
	leases, err := i.Leases(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	leased := map[string]bool{}
	for _, l := range leases {
		leased[l.Instance] = l.Left > 0
	}
	client, err := i.connect(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	now, err := client.Time(ctx).Result()
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read time: %w", err)
	}
	return leased, now, nil
}

// positions reads each member's acknowledged position.
func positions(ctx context.Context, client redis.UniversalClient, room string, members []MemberState) error {
	p := client.Pipeline()
	groups := make([]*redis.XInfoGroupsCmd, len(members))
	for n, m := range members {
		groups[n] = p.XInfoGroups(ctx, string(appendMailboxKey(nil, room, m.Client)))
	}
	_, _ = p.Exec(ctx) // each command carries its own error
	for n, g := range groups {
		switch {
		case g.Err() != nil && strings.Contains(g.Err().Error(), "no such key"): // its session ended meanwhile
		case g.Err() != nil:
			return fmt.Errorf("read position: %w", g.Err())
		case len(g.Val()) == 1:
			members[n].Acknowledged, _ = parseEntryID(g.Val()[0].LastDeliveredID)
		}
	}
	return nil
}
