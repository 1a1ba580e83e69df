package evloop

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a Group is made of. Every field has to be set.
type Config struct {
	Addr  string        // host:port to listen on; the host may be empty (every address), the port 0 (any)
	Loops int           // how many
	Tick  time.Duration // between two Ticks
	Log   *slog.Logger
}

// Group is the event loops that serve one address, each on a goroutine of its own with a listener of its own.
type Group struct {
	tick     time.Duration
	addr     net.Addr
	loops    []*Loop
	stopOnce sync.Once
	stopping chan struct{}
}

// Listen binds the address and makes the loops. Clients can connect when it returns; they are accepted once Run is called, which has to
// follow. handler is called for each loop and returns what that is to serve.
func Listen(ctx context.Context, cfg Config, handler func(*Loop) Handler) (*Group, error) {
	hold, err := reserve(ctx, cfg.Addr)
	if err != nil {
		return nil, err
	}
	defer hold.release()
	g := &Group{tick: cfg.Tick, addr: hold.addr, stopping: make(chan struct{})}
	short := new(atomic.Int32)
	for range cfg.Loops {
		l, err := newLoop(ctx, hold.addr, cfg.Log, short)
		if err != nil {
			for _, l := range g.loops {
				l.close()
			}
			return nil, err
		}
		l.handler = handler(l)
		g.loops = append(g.loops, l)
	}
	return g, nil
}

func newLoop(ctx context.Context, addr *net.TCPAddr, log *slog.Logger, short *atomic.Int32) (*Loop, error) {
	listener, err := listen(ctx, addr)
	if err != nil {
		return nil, err
	}
	l := &Loop{listener: listener, log: log, short: short, buf: make([]byte, readBuffer), spare: -1}
	l.short.Add(1)
	l.reserve()
	if err := l.init(); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// Addr returns where the group listens.
func (g *Group) Addr() net.Addr { return g.addr }

// Run serves until Stop is called, or a loop fails, whose error it returns. It returns when all goroutines have ended and all sockets are
// closed.
func (g *Group) Run() error {
	var wg sync.WaitGroup
	failed := make(chan error, len(g.loops))
	for _, l := range g.loops {
		wg.Go(func() {
			if err := l.run(); err != nil {
				failed <- err
			}
		})
	}
	err := g.clock(failed)
	for _, l := range g.loops {
		l.Post(taskEnd)
	}
	wg.Wait()
	return err
}

// clock has the loops tick until they are to end.
func (g *Group) clock(failed <-chan error) error {
	ticker := time.NewTicker(g.tick)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			for _, l := range g.loops {
				l.Post(Tick)
			}
		case <-g.stopping:
			return nil
		case err := <-failed:
			return fmt.Errorf("event loop: %w", err)
		}
	}
}

// Stop has Run return. It may be called more than once, and does not wait.
func (g *Group) Stop() { g.stopOnce.Do(func() { close(g.stopping) }) }
