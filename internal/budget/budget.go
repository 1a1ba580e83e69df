// Package budget counts the bytes that buffers of several owners hold together, against one limit.
//
// Whoever holds bytes counts them when it has them already: a budget refuses nothing. Its owners look whether it is exceeded, and
// then let go of something; who gives up what is theirs to decide.
package budget

import "sync/atomic"

// Budget is a number of bytes that should not be exceeded. It is safe for concurrent use. A nil one counts nothing, and is never
// exceeded.
type Budget struct {
	limit int64
	held  atomic.Int64
}

// New returns a budget of so many bytes.
func New(limit int64) *Budget { return &Budget{limit: limit} }

// Add counts n more bytes as held, or -n fewer.
func (b *Budget) Add(n int64) {
	if b != nil && n != 0 {
		b.held.Add(n)
	}
}

// Excess returns how many bytes more are held than there should be, 0 or less if none.
func (b *Budget) Excess() int64 {
	if b == nil {
		return 0
	}
	return b.held.Load() - b.limit
}

// Held returns how many bytes are held.
func (b *Budget) Held() int64 {
	if b == nil {
		return 0
	}
	return b.held.Load()
}

// Limit returns how many should be held at most.
func (b *Budget) Limit() int64 {
	if b == nil {
		return 0
	}
	return b.limit
}
