package edge

import (
	"context"
	"fmt"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// Stop closes every connection with 1012, waits until clients have closed too (CloseTimeout at most), ends the loops and waits for
// them. If ctx ends before that, Stop returns its error and the rest goes on in the background.
func (s *Server) Stop(ctx context.Context) error {
	s.Refuse()
	s.stopping.Store(true)
	if !s.started.Load() {
		return nil
	}
	select {
	case <-s.up:
		s.closeAll(ctx)
		s.group.Stop()
	case <-s.done: // it failed to listen
	case <-ctx.Done():
		return fmt.Errorf("stop edge: %w", ctx.Err())
	}
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return fmt.Errorf("stop edge: %w", ctx.Err())
	}
}

// closeAll closes every connection and waits until they are gone.
func (s *Server) closeAll(ctx context.Context) {
	for _, l := range s.loops {
		l.ev.Post(taskClose)
	}
	if s.sockets.Load() == 0 {
		return
	}
	timeout := time.NewTimer(s.cfg.CloseTimeout + 2*s.pace.tick)
	defer timeout.Stop()
	select {
	case <-s.empty:
	case <-timeout.C:
	case <-ctx.Done():
	case <-s.done:
	}
}

// closeAll closes all connections of a loop.
func (l *loop) closeAll() {
	l.cork()
	for _, slot := range l.table.slots {
		for _, c := range slot {
			c.queueClose(wire.CloseServiceRestart, wire.ReasonGoingAway, signaling.Closure{By: signaling.SentAway})
		}
	}
	for i := len(l.works) - 1; i >= 0; i-- {
		if i < len(l.works) && l.works[i].conn.state == stateHead {
			l.works[i].conn.remove(dropStopping)
		}
	}
	l.uncork()
}

// socketClosed counts a socket out.
func (s *Server) socketClosed() {
	if s.sockets.Add(-1) == 0 && s.stopping.Load() {
		select {
		case s.empty <- struct{}{}:
		default:
		}
	}
}
