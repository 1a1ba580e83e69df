package signaling

import (
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// chance is all randomness of a hub. Clients choose their rooms but must not choose their places, so a server draws a new seed at each
// start. With a fixed seed, everything repeats (Config.Seed).
type chance struct {
	seed maphash.Seed

	mu   sync.Mutex
	rng  *rand.Rand // guarded by mu; nil without a seed
	salt uint64
}

func (c *chance) init(seed uint64) {
	c.seed = maphash.MakeSeed()
	if seed != 0 {
		c.rng, c.salt = rand.New(rand.NewPCG(seed, 0)), seed
	}
}

// place is a room's number, the same for as long as the hub lives.
func (c *chance) place(room wire.RoomID) uint64 {
	if c.rng != nil {
		return xxhash.Sum64(room[:]) ^ c.salt
	}
	return maphash.Bytes(c.seed, room[:])
}

// jitter returns a random duration in [0, d).
func (c *chance) jitter(d time.Duration) time.Duration {
	switch {
	case d <= 0:
		return 0
	case c.rng == nil:
		return rand.N(d)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(c.rng.Int64N(int64(d)))
}
