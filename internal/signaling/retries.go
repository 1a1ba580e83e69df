package signaling

import (
	"errors"
	"sync"

	"github.com/rejoin-dev/rejoin/streams"
)

// retries are steps that must not be lost while Redis is unreachable. The sweep runs them again. They are bounded by the connections open
// when Redis became unreachable, plus those that came before Ready noticed.
type retries struct {
	mu   sync.Mutex
	todo []func()
	off  bool
}

// add reports whether f will run again. No error proves that a step is unnecessary, so every failure is retried until Redis answers or this
// instance ends.
func (r *retries) add(err error, f func()) bool {
	if errors.Is(err, streams.ErrClosed) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.off {
		return false
	}
	r.todo = append(r.todo, f)
	return true
}

func (r *retries) run() {
	r.mu.Lock()
	todo := r.todo
	r.todo = nil
	r.mu.Unlock()
	for _, f := range todo {
		f()
	}
}

// stop ends all retries: other instances detach the clients of one that is gone.
func (r *retries) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.off, r.todo = true, nil
}
