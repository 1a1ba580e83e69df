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

// Name is what Redis knows them by; ParseTokens reads it.
func (t Tokens) Name() string {
	if t.TokenID != "" {
		return "j" + t.TokenID
	}
	return "s" + t.User
}

// ParseTokens reads what Name returns.
func ParseTokens(name string) (t Tokens, ok bool) {
	switch {
	case len(name) < 2:
		return t, false
	case name[0] == 'j':
		return Tokens{TokenID: name[1:]}, true
	case name[0] == 's':
		return Tokens{User: name[1:]}, true
	}
	return t, false
}

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

// Forget forgets those that are over at now, and returns the others that are not in all: Redis may have lost them.
func (r *Revocations) Forget(now time.Time, all map[Tokens]bool) (missing map[Tokens]time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	missing = map[Tokens]time.Time{}
	for what, until := range r.all {
		switch {
		case !now.Before(until):
			delete(r.all, what)
		case !all[what]:
			missing[what] = until
		}
	}
	r.some.Store(len(r.all) > 0)
	return missing
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
