// Package budget counts the bytes that the buffers of several owners hold together, against one limit.
//
// A budget refuses nothing: owners count bytes that they already hold. They check whether the budget is exceeded and
// decide themselves what to let go of.
package budget

import "sync/atomic"

// Budget is a number of bytes that should not be exceeded. It is safe for concurrent use. A nil Budget counts nothing and is never
// exceeded.
type Budget struct {
	limit int64
	held  atomic.Int64
}

// New returns a budget of that many bytes.
func New(limit int64) *Budget { return &Budget{limit: limit} }

// Add counts n more bytes as held, or -n fewer.
func (b *Budget) Add(n int64) {
	if b != nil && n != 0 {
		b.held.Add(n)
	}
}

// Excess returns by how many bytes the budget is exceeded; 0 or less if it is not.
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

// Limit returns how many bytes should be held at most.
func (b *Budget) Limit() int64 {
	if b == nil {
		return 0
	}
	return b.limit
}
