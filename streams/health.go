package streams

import (
	"errors"
	"log/slog"
	"sync"
	"time"
)

// part is one of the things that must work before this instance is ready.
type part uint8

const (
	partConnection part = iota
	partDoorbells
	partLease
	partRevocations
	parts
)

var partNames = [parts]string{"connection", "doorbells", "lease", "revocations"}

// health records why each part does not work, for Ready, and logs it: at once when it begins or changes, then less and less often, and once
// when it works again.
type health struct {
	log *slog.Logger

	mu    sync.Mutex
	parts [parts]trouble
}

type trouble struct {
	err   error
	since time.Time
	lines int
	next  time.Time // when to log it again
}

const (
	firstSilence = time.Second
	lastSilence  = time.Minute
)

func (h *health) failed(p part, err error) {
	if err == nil {
		err = errors.New("unknown error")
	}
	err = explain(err)
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	t := &h.parts[p]
	changed := t.err == nil || hintOf(t.err) != hintOf(err)
	if t.err == nil {
		t.since, t.lines = now, 0
	}
	t.err = err
	if !changed && now.Before(t.next) {
		return
	}
	t.next = now.Add(min(firstSilence<<min(t.lines, 10), lastSilence))
	t.lines++
	h.log.Warn("redis does not work", "part", partNames[p], "error", err, "for", now.Sub(t.since).Round(time.Millisecond))
}

func (h *health) works(p part) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := &h.parts[p]
	if t.err != nil {
		h.log.Info("redis works again", "part", partNames[p], "after", time.Since(t.since).Round(time.Millisecond))
	}
	*t = trouble{}
}

// first returns the error of the first part that does not work, nil if all do: the others follow from it.
func (h *health) first() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.parts {
		if t.err != nil {
			return t.err
		}
	}
	return nil
}
