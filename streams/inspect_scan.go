package streams

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	scanKeys  = 500                   // looked at by one SCAN: less than a millisecond of Redis
	scanPause = 10 * time.Millisecond // between two, to let other clients in
)

// errEnough ends a scan.
var errEnough = errors.New("enough")

// Scan calls f for up to most rooms, one after the other; complete reports whether those were all. It scans all keys of all primaries, a
// few hundred at a time with pauses, so it takes a second for about 50,000 keys and a few percent of each primary's time. Rooms that come
// or go meanwhile may be missed.
func (i *Inspector) Scan(ctx context.Context, most int, f func(room string, state RoomState)) (complete bool, err error) {
	leased, now, err := i.leased(ctx)
	if err != nil {
		return false, err
	}
	s := &scan{most: most, seen: map[string]bool{}, leased: leased, now: now, found: f}
	client, err := i.connect(ctx)
	if err != nil {
		return false, err
	}
	switch c := client.(type) {
	case *redis.ClusterClient:
		err = c.ForEachMaster(ctx, s.node)
	case *redis.Client:
		err = s.node(ctx, c)
	}
	if errors.Is(err, errEnough) {
		return false, nil
	}
	return err == nil, err
}

// scan is a running Scan, on all primaries at once.
type scan struct {
	most   int
	leased map[string]bool
	now    time.Time

	mu    sync.Mutex
	seen  map[string]bool // a key may be returned more than once
	found func(string, RoomState)
}

var roomPattern = roomKey(strings.Repeat("?", roomLen))

func (s *scan) node(ctx context.Context, node *redis.Client) error {
	for cursor := uint64(0); ; {
		keys, next, err := node.Scan(ctx, cursor, roomPattern, scanKeys).Result()
		if err != nil {
			return fmt.Errorf("scan keys: %w", err)
		}
		if err := s.read(ctx, node, keys); err != nil {
			return err
		}
		if cursor = next; cursor == 0 {
			return nil
		}
		select {
		case <-time.After(scanPause):
		case <-ctx.Done():
			return fmt.Errorf("scan keys: %w", ctx.Err())
		}
	}
}

// read reads the rooms of one page.
func (s *scan) read(ctx context.Context, node *redis.Client, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	p := node.Pipeline()
	hashes := make([]*redis.MapStringStringCmd, len(keys))
	for n, key := range keys {
		hashes[n] = p.HGetAll(ctx, key)
	}
	if _, err := p.Exec(ctx); err != nil {
		return fmt.Errorf("read rooms: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for n, key := range keys {
		if s.seen[key] || len(hashes[n].Val()) == 0 {
			continue
		}
		state, err := parseRoom(hashes[n].Val(), s.leased, s.now)
		switch {
		case err != nil:
			return err
		case len(state.Members) == 0: // see Room
			continue
		case len(s.seen) == s.most:
			return errEnough
		}
		s.seen[key] = true
		s.found(key[1:1+roomLen], state)
	}
	return nil
}
