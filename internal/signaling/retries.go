package signaling

import (
	"errors"
	"sync"

	"github.com/rejoin-dev/rejoin/streams"
)

// retries are steps that must not be forgotten while Redis is away. The sweep runs them again. They are bounded
// by the connections that were open when it went, and those that came before Ready said so.
type retries struct {
	mu   sync.Mutex
	todo []func()
	off  bool
}

// add reports whether f will run again.
// No error says that a step need not be made: what is unknown is tried again, until Redis answers or this instance ends.
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

// stop lets what failed stay failed: others detach the clients of an instance that is gone.
func (r *retries) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.off, r.todo = true, nil
}
