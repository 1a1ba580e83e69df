package auth

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// Revocations are the tokens that are refused though they are good: by jti, or all of a sub, until a time. The zero value is empty. Its methods
// are safe for concurrent use.
type Revocations struct {
	some atomic.Bool // false: there are none, and nothing is locked
	mu   sync.RWMutex
	all  map[Tokens]time.Time // until when
}

// Tokens names tokens: the one with an ID, or all of a user. Exactly one of its fields is set.
type Tokens struct{ TokenID, User string }

// Set takes note of one.
func (r *Revocations) Set(what Tokens, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[Tokens]time.Time{}
	}
	if until.After(r.all[what]) {
		r.all[what] = until
	}
	r.some.Store(true)
}

// Replace takes all that there are, and forgets those of before.
func (r *Revocations) Replace(all map[Tokens]time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = all
	r.some.Store(len(all) > 0)
}

// Has says whether the tokens of that kind are revoked at now.
func (r *Revocations) Has(id *wire.Identity, now time.Time) bool {
	if !r.some.Load() {
		return false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return id.TokenID != "" && now.Before(r.all[Tokens{TokenID: id.TokenID}]) || id.User != "" && now.Before(r.all[Tokens{User: id.User}])
}
