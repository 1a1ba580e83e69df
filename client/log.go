package client

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// maxLines is how many lines may wait for a slow logger.
const maxLines = 64

// lineLog passes lines to the application's logger without ever waiting for it, because a blocking handler would hold up
// reconnecting. It has a goroutine only while there are lines.
type lineLog struct {
	handler slog.Handler // nil: no log

	mu      sync.Mutex
	waiting []slog.Record // guarded by mu
	dropped int           // guarded by mu
	idle    chan struct{} // guarded by mu; nil if nothing is being written, otherwise closed once it is
}

func newLineLog(l *slog.Logger) *lineLog {
	if l == nil {
		return &lineLog{}
	}
	return &lineLog{handler: l.Handler()}
}

// debug does not block.
func (l *lineLog) debug(msg string, attrs ...slog.Attr) {
	if l.handler == nil {
		return
	}
	r := slog.NewRecord(time.Now(), slog.LevelDebug, msg, 0)
	r.AddAttrs(attrs...)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == maxLines {
		l.dropped++
		return
	}
	l.waiting = append(l.waiting, r)
	if l.idle == nil {
		l.idle = make(chan struct{})
		go l.write()
	}
}

// write returns when the queue is empty.
func (l *lineLog) write() {
	for {
		r, ok := l.next()
		if !ok {
			return
		}
		l.handle(r)
	}
}

func (l *lineLog) next() (slog.Record, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		close(l.idle)
		l.idle = nil
		return slog.Record{}, false
	}
	r := l.waiting[0]
	l.waiting = l.waiting[1:]
	if l.dropped > 0 {
		r.AddAttrs(slog.Int("lines_dropped", l.dropped))
		l.dropped = 0
	}
	return r, true
}

func (l *lineLog) handle(r slog.Record) {
	defer func() { _ = recover() }() // a logger that panics only loses its line
	ctx := context.Background()
	if l.handler.Enabled(ctx, r.Level) {
		_ = l.handler.Handle(ctx, r) // there is nowhere to report a failing log
	}
}

// flush waits until all lines are written, or ctx ends, or the logger has taken a second.
func (l *lineLog) flush(ctx context.Context) {
	l.mu.Lock()
	idle := l.idle
	l.mu.Unlock()
	if idle == nil {
		return
	}
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-idle:
	case <-ctx.Done():
	case <-timer.C:
	}
}
