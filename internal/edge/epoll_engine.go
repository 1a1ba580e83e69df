//go:build linux && !gnet

package edge

import (
	"fmt"
	"net"
	"sync"
	"time"
)

// engine runs the loops of a server, each on a goroutine of its own with a listener of its own.
type engine struct {
	once    sync.Once
	stopped chan struct{}
}

func newEngine() *engine { return &engine{stopped: make(chan struct{})} }

// run returns after stop, or when a loop fails, once all goroutines have ended.
func (e *engine) run(s *Server, addr *net.TCPAddr) error {
	var loops []*loop
	for range s.cfg.Loops {
		p, err := newPoller(addr)
		if err != nil {
			for _, l := range loops {
				l.close()
			}
			return err
		}
		loops = append(loops, newLoop(s, p))
	}
	s.loops.Store(&loops)
	s.signalUp()

	var wg sync.WaitGroup
	failed := make(chan error, len(loops))
	for _, l := range loops {
		wg.Go(func() {
			if err := l.run(); err != nil {
				failed <- err
			}
		})
	}
	err := e.tick(s, failed)
	for _, l := range loops {
		l.post(taskEnd)
	}
	wg.Wait()
	return err
}

// tick has the loops sweep until they are to end.
func (e *engine) tick(s *Server, failed <-chan error) error {
	tick := time.NewTicker(s.pace.tick)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.tick()
		case <-e.stopped:
			return nil
		case err := <-failed:
			return fmt.Errorf("event loop: %w", err)
		}
	}
}

// stop has the loops end; the server's done tells when they have.
func (e *engine) stop() { e.once.Do(func() { close(e.stopped) }) }
